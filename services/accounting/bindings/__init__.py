"""Bindings between citizens and partners: the projection of a topic of accounts."""
