"""What a citizen can still earn."""
