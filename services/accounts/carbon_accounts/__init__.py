"""The personal carbon account and its number."""
