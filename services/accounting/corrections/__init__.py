"""Corrections and cancellations by partners, reversals by operators."""
