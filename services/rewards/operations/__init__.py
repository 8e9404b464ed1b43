"""The operators' view: settlements that hang, and a check of all counters."""
