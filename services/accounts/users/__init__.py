"""Who a WeChat user is here: one pseudonymous id per open id."""
