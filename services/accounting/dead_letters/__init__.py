"""Records that no consumer could read: looked at, mended and published again, or put away, by operators."""
