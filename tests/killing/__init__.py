"""Processes that are killed at a commit: the gate in front of their database, and the matrix of steps and faults."""
