"""Sends verdicts to partners' own addresses as Standard Webhooks, with retries, a log and replay."""
