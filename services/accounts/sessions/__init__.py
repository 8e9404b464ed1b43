"""Log-in sessions, access tokens and single-use refresh tokens."""
