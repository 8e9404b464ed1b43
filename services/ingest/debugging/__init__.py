"""Tells a partner in the sandbox why a signature does not match."""
