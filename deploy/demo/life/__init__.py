"""一位市民的一生 A citizen's life over the gateway: from the first log-in to the erasure of the account."""
