"""Time-ordered identifiers: new rows go to the end of an index."""

import uuid

import uuid_utils.compat


def new_id() -> uuid.UUID:
    """Return a UUIDv7 (RFC 9562)."""
    return uuid_utils.compat.uuid7()
