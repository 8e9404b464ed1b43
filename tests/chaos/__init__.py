"""Faults against the whole stack as real processes, and a checker that compares what clients were told with what is."""
