"""Bounds of an order."""

# A voucher is a lunch or a ticket, not a wholesale good; it also bounds the answer's list of vouchers.
QUANTITY_MAX = 10
