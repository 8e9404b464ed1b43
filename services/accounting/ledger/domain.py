"""Rules of holds and of the expiry of grams. Amounts are milligrams CO2e. Pure."""

from datetime import UTC, date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo


class HoldStatus(StrEnum):
    HELD = "held"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"


def expired_code(year: int) -> str:
    return f"expired:{year}"


def start_of_year(year: int, time_zone: str) -> datetime:
    """The first instant of the year in the programme's time zone, in UTC."""
    return datetime(year, 1, 1, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def last_valid_day(year: int, valid_years: int) -> date:
    """The last day on which grams of that year can be spent."""
    return date(year + valid_years, 12, 31)


def remaining_mg(amount_mg: int, later_mg: int) -> int:
    """The part of an amount that was there before a moment, if `later_mg` came in after it and the oldest is spent
    first."""
    return max(amount_mg - later_mg, 0)
