"""Operators as persons: local accounts with password and TOTP, identities of the provider, roles and scopes."""
