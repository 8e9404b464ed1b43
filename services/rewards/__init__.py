"""Rewards: what citizens redeem and donate their grams for."""
