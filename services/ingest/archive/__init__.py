"""What was received and what became of it, written by the worker from the log, read by partners and operators."""
