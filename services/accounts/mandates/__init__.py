"""Mandates (委托) by which a citizen lets a platform pool acts, and the terms that platforms publish."""
