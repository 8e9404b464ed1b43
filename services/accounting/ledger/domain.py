"""Rules of holds and of the expiry of grams. Amounts are milligrams CO2e. Pure."""

from datetime import UTC, date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo


class HoldStatus(StrEnum):
    HELD = "held"
    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"
    REFUNDED = "refunded"


def expired_code(year: int) -> str:
    return f"expired:{year}"


def start_of_year(year: int, time_zone: str) -> datetime:
    """Return the first instant of a year in the time zone, as UTC."""
    return datetime(year, 1, 1, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


def last_valid_day(year: int, valid_years: int) -> date:
    """Return the last day on which grams of that year can be spent."""
    return date(year + valid_years, 12, 31)


def remaining_mg(amount_mg: int, later_mg: int) -> int:
    """Return how much of an amount existed before a time after which `later_mg` came in. The oldest is spent first."""
    return max(amount_mg - later_mg, 0)
