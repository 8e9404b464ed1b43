"""Look-ups by operators, each with an audit record."""
