"""Identifiers: time-ordered, so that new rows land at the end of an index."""

import uuid

import uuid_utils.compat


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562)."""
    return uuid_utils.compat.uuid7()
