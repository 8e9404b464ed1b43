"""Export: one archive of all that the four services hold about a person, built in the background."""
