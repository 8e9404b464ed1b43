"""Compares a partner's file of one day with our archive: events only they have, only we have, differing, doubled."""
