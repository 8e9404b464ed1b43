"""Whether a carbon account is frozen, as accounting says."""
