"""Orders, and the limit of pieces per person."""
