"""Drafts tried on past acts, in the background."""
