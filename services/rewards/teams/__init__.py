"""Teams: citizens who donate together. Grams never move between people; a team only adds up."""
