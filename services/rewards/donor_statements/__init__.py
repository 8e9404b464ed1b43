"""The yearly statement of a donor: what was given and what came back, by calendar year of the programme."""
