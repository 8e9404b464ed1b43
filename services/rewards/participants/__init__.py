"""Who takes part in rankings: by consent, under a pseudonym out of a generator, for a district of their choice."""
