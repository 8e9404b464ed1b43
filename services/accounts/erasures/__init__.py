"""Leaving: a planned erasure with its cooling-off, the erasure itself, and the answers of the other services."""
