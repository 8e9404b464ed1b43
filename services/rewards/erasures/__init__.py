"""Erasure of a person here: orders stay as numbers for the bills of sponsors, voucher codes are destroyed."""
