"""Limits per person for actions that cost money or invite abuse."""
