"""Brings badges and rankings up to date with the sums, and rebuilds the sums."""
