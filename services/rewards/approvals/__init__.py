"""Proposals of operators that need a second person: the table of `shared.approvals`."""
