"""Operators' acts on the ledger: freeze, unfreeze and reverse."""
