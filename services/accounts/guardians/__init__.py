"""People under 14, their guardians, and the codes with which a guardian is found."""
