"""Monthly giving: a standing order donates the same amount to a campaign on one day of each month."""
