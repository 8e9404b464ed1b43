"""Totals of the whole city."""
