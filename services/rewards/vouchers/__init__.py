"""Voucher pools: sealed codes, assigned to confirmed orders."""
