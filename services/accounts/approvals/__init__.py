"""Proposals of operators that need a second person: the service's table of `shared.approvals`."""
