"""The posting path: activities, parked events, cap counters, outcomes."""
