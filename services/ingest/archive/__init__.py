"""The archive of received events and their verdicts. The worker writes it from the log."""
