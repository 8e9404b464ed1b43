"""Limits of an order."""

# A voucher is a lunch or a ticket, not a wholesale good. This also limits the list of vouchers in an answer.
QUANTITY_MAX = 10
