"""Seals of closed days: hash trees, signed statements, chains of operators' records, and their copies outside."""
