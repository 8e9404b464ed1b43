"""Faults against the whole stack as real processes, and a checker that compares clients' records with databases."""
