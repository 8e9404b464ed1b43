"""Confirmations of a binding at the partner (OAuth): the states under way, and the tokens that end with a binding."""
