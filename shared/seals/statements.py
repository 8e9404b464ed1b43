"""Statements about sealed days and the leaves of operators' records. Pure.

A statement is canonical JSON. Its SHA-256 is the `previous` of the next day's statement.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from shared.seals.merkle import leaf_hash

RECORDS_STATEMENT_FORMAT: Final = "carbon-records/1"
RECORD_FORMAT: Final = "carbon-record/1"
DAY_SECRET_BYTES: Final = 32

_encode = msgspec.json.Encoder(order="sorted").encode


class RecordsStatement(msgspec.Struct, frozen=True, kw_only=True):
    """The signed statement about one day's records of operators. `previous` is the hash of the day before's."""

    day: date
    format: str = RECORDS_STATEMENT_FORMAT
    previous: str | None
    records: int
    root: str
    time_zone: str


def statement_text(statement: msgspec.Struct) -> str:
    return _encode(statement).decode()


def records_statement_of(text: str) -> RecordsStatement:
    """Read a statement about records. Raises msgspec.ValidationError, msgspec.DecodeError."""
    return msgspec.json.decode(text, type=RecordsStatement)


def statement_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def instant_text(moment: datetime) -> str:
    """Return a time in UTC with microseconds, always in the same format."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def record_leaf_hash(row: Mapping[str, Any], day_secret: bytes) -> bytes:
    """Return the leaf of an operators' record: format, time, table, key and the row as JSON text."""
    text = _encode([RECORD_FORMAT, instant_text(row["at"]), row["table"], row["key"], row["record"]])
    salt = hmac.digest(day_secret, text, "sha256")
    return leaf_hash(salt + text)


def day_span(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """Return the first instant of a local day and the first instant after it, in UTC."""
    zone = ZoneInfo(time_zone)
    begin = datetime.combine(day, time.min, zone)
    return begin.astimezone(UTC), datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
