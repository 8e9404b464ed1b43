"""`make demo`: plays the whole chain on a running stack, from real trips to noodles, and checks the ledger."""
