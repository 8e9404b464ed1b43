"""Intake: verify, validate, publish, answer. No database on this path."""
