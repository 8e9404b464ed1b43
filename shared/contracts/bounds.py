"""Limits of the fields of a record, so that its readers can store it and compute with it.

They are checked while decoding, not while encoding. The intake is stricter. A record from another producer that is out
of bounds becomes a dead letter and does not stop the consumer.
"""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Milligrams = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
Fen = Annotated[int, msgspec.Meta(ge=0, le=10**15)]


def require_storable(*fields: str | datetime | None) -> None:
    """Raises ValueError (ValidationError while decoding) for a NUL, a time without offset or outside 2000 to 2099."""
    for field in fields:
        if isinstance(field, datetime):
            if field.tzinfo is None or not EARLIEST <= field < LATEST:
                raise ValueError("a time without offset or outside 2000 to 2099")
        elif field is not None and "\x00" in field:
            raise ValueError("a NUL in a text")
