"""The days of the settlement. Pure."""

from datetime import date, datetime, time, timedelta
from typing import Final

from shared.instants import CITY_ZONE

# A redemption can be undone for ten minutes, so a day may change until ten past midnight.
CLOSES_AFTER: Final = timedelta(minutes=15)


def local_day(instant: datetime) -> date:
    return instant.astimezone(CITY_ZONE).date()


def last_closable_day(instant: datetime) -> date:
    """Return the newest day that is over for good."""
    return local_day(instant - CLOSES_AFTER) - timedelta(days=1)


def closes_at(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), CITY_ZONE) + CLOSES_AFTER
