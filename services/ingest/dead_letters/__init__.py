"""Records that a consumer could not read. Operators inspect them, then repair and republish or discard them."""
