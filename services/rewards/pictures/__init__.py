"""Pictures of items: stored under their hash, served with headers that let everybody keep them."""
