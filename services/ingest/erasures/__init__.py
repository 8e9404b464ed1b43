"""Erasure of a person here: the archive clears the events that accounting names, and answers."""
