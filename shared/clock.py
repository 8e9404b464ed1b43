"""The only caller of the system clock, so that time can be replaced in one place."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC)


def local_date(instant: datetime, time_zone: str) -> date:
    """The calendar day of an instant where the programme lives: caps and reports are counted in these days."""
    return instant.astimezone(ZoneInfo(time_zone)).date()
