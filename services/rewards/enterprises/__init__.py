"""Enterprises and their members' roles: the projection of a topic of accounts, and who may act for an enterprise."""
