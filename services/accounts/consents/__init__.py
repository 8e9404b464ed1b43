"""What a person agreed to, in which version, from when to when."""
