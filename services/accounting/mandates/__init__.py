"""Mandates for pooling: the projection of a topic of accounts, and which mandate covers an act."""
