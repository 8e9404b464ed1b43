"""Receipts out: verdicts sent to the partner's own address as Standard Webhooks, with a log, retries and replay."""
