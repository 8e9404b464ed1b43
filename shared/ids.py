"""Time-ordered identifiers: new rows go to the end of an index."""

import uuid

import uuid_utils
from asyncpg.pgproto.pgproto import UUID


def new_id() -> uuid.UUID:
    """Return a UUIDv7 (RFC 9562), in the class of the database driver.

    The driver makes and sends this class four times as fast as the one of the standard library, whose subclass it is.
    """
    return UUID(uuid_utils.uuid7().bytes)
