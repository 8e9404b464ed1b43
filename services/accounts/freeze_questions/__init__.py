"""Questions of people whose account is frozen, and the answers of operators."""
