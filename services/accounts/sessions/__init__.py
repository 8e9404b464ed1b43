"""Log-in by WeChat code, access tokens, refresh tokens that work once."""
