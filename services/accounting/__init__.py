"""The accounting service: what an act is worth, and who owns the grams."""
