"""Partners, their keys, what they may report, and the check that a request comes from one of them."""
