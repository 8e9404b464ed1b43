"""Imports of voucher codes that merchants send as CSV, and the state of the pools."""
