"""Users: one pseudonymous id per WeChat open id."""
