"""Campaigns and the donations to them."""
