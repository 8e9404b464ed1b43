"""Steps that WeChat counted: read with the citizen's consent and reported as acts of whole days."""
