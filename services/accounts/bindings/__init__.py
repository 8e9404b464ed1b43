"""Bindings: which person a partner means, and from when until when activities count."""
