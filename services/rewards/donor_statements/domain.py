"""The yearly statement of a donor. Pure."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from shared.language import Text

LINES_MAX: Final = 2_000


class LineKind(StrEnum):
    DONATION = "donation"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Line:
    """One movement. `amount_mg` is negative for a refund. `certificate_no`: of the donation, also in its refund."""

    kind: LineKind
    at: datetime
    on: date
    donation_id: uuid.UUID
    campaign_id: str
    campaign_title: Text
    amount_mg: int
    certificate_no: str
    team_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class YearlyStatement:
    """`lines` by time, LINES_MAX at most; `lines_left_out` counts the others. The sums are of all of them."""

    year: int
    enterprise_id: uuid.UUID | None
    enterprise_name: str | None
    lines: tuple[Line, ...]
    lines_left_out: int
    given_mg: int
    refunded_mg: int
    made_at: datetime

    @property
    def total_mg(self) -> int:
        return self.given_mg - self.refunded_mg


def bounds_of(year: int, time_zone: str) -> tuple[datetime, datetime]:
    """Return the first instants of a year and of the next one."""
    zone = ZoneInfo(time_zone)
    return datetime(year, 1, 1, tzinfo=zone).astimezone(UTC), datetime(year + 1, 1, 1, tzinfo=zone).astimezone(UTC)


def total(lines: Iterable[Line], kind: LineKind) -> int:
    """Return the milligrams of the lines of one kind, without a sign."""
    return sum(abs(line.amount_mg) for line in lines if line.kind is kind)
