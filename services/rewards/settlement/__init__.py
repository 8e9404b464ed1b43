"""Settlements: the state machine that spends grams, common to orders and donations."""
