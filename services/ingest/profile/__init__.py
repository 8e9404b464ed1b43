"""What a partner is told about itself: its registration, keys, limits and webhook."""
