"""Merchants: registration, shops, tills and keys."""
