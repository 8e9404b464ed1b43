"""Reconciliation with accounting: every order and donation has its hold there, with the same amount and end."""
