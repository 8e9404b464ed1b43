"""Times in answers: RFC 3339 in the programme's time zone, in whole seconds. Pure.

    class OrderView(BaseModel):
        created_at: Instant  # 2026-12-27T12:52:42+08:00

Every model of an answer declares its times this way. The stored instants keep their microseconds; a part of a second
is cut off, so a shown time is never later than the instant.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Final

from pydantic import PlainSerializer

# Fixed, because Asia/Shanghai has no daylight saving since 1991, and conversion to a fixed offset is cheap.
CITY_ZONE: Final = timezone(timedelta(hours=8))
# How the names of times end in reported acts.
_TIMES: Final = ("_at", "_start", "_end")


def stamp(instant: datetime) -> str:
    """Return the text of an instant: 2026-12-27T12:52:42+08:00. Raises ValueError for one without offset."""
    return _local(instant).isoformat(timespec="seconds")


def _local(instant: datetime) -> datetime:
    if instant.tzinfo is None:  # `astimezone` would take it for the time zone of this machine
        raise ValueError(f"{instant} has no offset")
    return instant.astimezone(CITY_ZONE)


def next_second(instant: datetime) -> datetime:
    """Round up: for a moment from which something is allowed, so that who waits for it is not refused again."""
    whole = instant.replace(microsecond=0)
    return whole if whole == instant else whole + timedelta(seconds=1)


def next_minute(instant: datetime) -> datetime:
    """Round up to a minute, the precision of sentences."""
    whole = instant.replace(second=0, microsecond=0)
    return whole if whole == instant else whole + timedelta(minutes=1)


def _exact_stamp(instant: datetime) -> str:
    return _local(instant).isoformat()


Instant = Annotated[datetime, PlainSerializer(stamp, return_type=str, when_used="json")]
# Of a document that proves something: a verifier compares its instants with those that were sealed.
ExactInstant = Annotated[datetime, PlainSerializer(_exact_stamp, return_type=str, when_used="json")]


def shown_act(act: Mapping[str, Any], *, exact: bool = False) -> dict[str, Any]:
    """Return a reported act with its times as in the rest of an answer; `exact` keeps parts of seconds."""
    write = _exact_stamp if exact else stamp
    return {
        name: write(datetime.fromisoformat(value)) if name.endswith(_TIMES) and isinstance(value, str) else value
        for name, value in act.items()
    }
