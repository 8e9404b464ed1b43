"""Decisions about enterprises: approval and resumption by two operators, rejection, suspension, closing."""
