"""Judges the events of sandbox partners at once, by the account number that they name."""
