"""Plumbing that knows no service's nouns.

Admission rule: used by at least two services today, knows nothing of trips, grams or vouchers, has its own tests, and
imports no service. `shared.contracts` is the one exception to the second: it holds what crosses a border between
services, and only that.
"""
