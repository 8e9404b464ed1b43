"""Disputes about redemptions: raised by a merchant, a sponsor or a till's report, decided by two operators."""
