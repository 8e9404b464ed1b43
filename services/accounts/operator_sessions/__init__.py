"""Log-in of operators and their sessions: eight hours, short access tokens, revocable at once."""
