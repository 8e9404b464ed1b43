"""How much one partner may send: rates by the second (token buckets) and a budget of events by the day."""
