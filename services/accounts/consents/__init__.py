"""Consents: purpose, policy version and period."""
