"""What accounting knows about the grams of many people at once: arrivals of a day, grams about to expire."""
