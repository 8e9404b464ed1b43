"""The consumer of reported activities."""
