"""Codes of the mini-program, with which one person invites another."""
