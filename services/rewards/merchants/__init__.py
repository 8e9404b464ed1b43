"""Merchants: registration, shops, tills, keys, and where the vouchers of an item are taken."""
