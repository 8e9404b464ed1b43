"""Budgets: the money behind rewards, in fen."""
