"""Badges, levels and streaks: rules kept as data, what a citizen has earned by them, and what was withdrawn."""
