"""Households and meters: the projection of a topic of accounts, homes of acts, locks of shared cap counters."""
