"""What crosses the border between services, and only that. Additive change only; a breaking one is a new version."""
