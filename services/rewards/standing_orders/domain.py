"""When a standing order is due. Pure."""

from calendar import monthrange
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

LIVE_MAX: Final = 10
MONTHS_MAX: Final = 120


class OrderStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class EndReason(StrEnum):
    CANCELLED = "CANCELLED"
    MONTHS_OVER = "MONTHS_OVER"
    CAMPAIGN_OVER = "CAMPAIGN_OVER"


class RunStatus(StrEnum):
    RUNNING = "running"
    DONATED = "donated"
    SKIPPED = "skipped"


# The month passed while no worker ran. A citizen does not expect two donations at once.
MISSED: Final = "MISSED"


def due_in(month: date, day: int) -> date:
    """Return the due day in the month of a date. A day that the month does not have is its last one.

    >>> due_in(date(2027, 2, 1), 31)
    datetime.date(2027, 2, 28)
    """
    return month.replace(day=min(day, monthrange(month.year, month.month)[1]))


def month_after(month: date) -> date:
    """Return the first day of the next month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def first_due(today: date, day: int) -> date:
    """Return the first due day that is today or later."""
    due = due_in(today, day)
    return due if due >= today else due_in(month_after(today), day)


def due_after(due: date, day: int) -> date:
    """Return the due day of the month after."""
    return due_in(month_after(due), day)
