"""Acts that citizens declare."""
