"""Carrying out an erasure: what each room does before the rows of a person are deleted."""
