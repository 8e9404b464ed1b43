"""Vouchers at the till: check, redeem once, undo, and what a till accepted without a line."""
