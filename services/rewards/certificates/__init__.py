"""Certificates of donations, with a public check."""
