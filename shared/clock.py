"""The only module that reads the system clock, so that tests can replace it in one place."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC)


def local_date(instant: datetime, time_zone: str) -> date:
    """Return the calendar day in the programme's time zone. Caps and reports count in these days."""
    return instant.astimezone(ZoneInfo(time_zone)).date()
