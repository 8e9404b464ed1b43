"""The sale window of an item, its limits per person, and the ways of its pieces."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple


class ItemStatus(StrEnum):
    """A draft is seen by operators only. A withdrawn item is not on offer; its orders go on."""

    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Sort(StrEnum):
    """Orders of the list of items. The default is by id."""

    DEFAULT = "default"
    NEWEST = "newest"
    CHEAPEST = "cheapest"
    DEAREST = "dearest"
    POPULAR = "popular"


@dataclass(frozen=True, slots=True)
class Offer:
    """`starts_at` inclusive, `ends_at` exclusive. None means no bound."""

    on_sale: bool
    starts_at: datetime | None
    ends_at: datetime | None

    def open_at(self, instant: datetime) -> bool:
        started = self.starts_at is None or self.starts_at <= instant
        ended = self.ends_at is not None and self.ends_at <= instant
        return self.on_sale and started and not ended


class Span(StrEnum):
    """What a limit per person runs over, besides the whole life of the item."""

    DAY = "day"
    MONTH = "month"
    PROMOTION = "promotion"


class Window(NamedTuple):
    """A counter of one person: `key` names item and time, or the promotion."""

    span: Span
    key: str
    limit: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Pieces per person, None for no limit. Items of one promotion are counted together."""

    per_day: int | None = None
    per_month: int | None = None
    promotion: str | None = None
    per_promotion: int | None = None

    def windows_on(self, item_id: str, day: date) -> tuple[Window, ...]:
        """Return the counters of an order on a local day."""
        found = []
        if self.per_day is not None:
            found.append(Window(Span.DAY, f"day:{day.isoformat()}:{item_id}", self.per_day))
        if self.per_month is not None:
            found.append(Window(Span.MONTH, f"month:{day:%Y-%m}:{item_id}", self.per_month))
        if self.promotion is not None and self.per_promotion is not None:
            found.append(Window(Span.PROMOTION, f"promotion:{self.promotion}", self.per_promotion))
        return tuple(found)


class StockChange(NamedTuple):
    """What is added to the counters of an item. The three add up to zero: no piece appears or is lost."""

    available: int = 0
    reserved: int = 0
    sold: int = 0

    def plus(self, other: "StockChange") -> "StockChange":
        return StockChange(self.available + other.available, self.reserved + other.reserved, self.sold + other.sold)


def reserving(pieces: int) -> StockChange:
    return StockChange(available=-pieces, reserved=pieces)


def selling(pieces: int) -> StockChange:
    return StockChange(reserved=-pieces, sold=pieces)


def releasing(pieces: int) -> StockChange:
    return StockChange(available=pieces, reserved=-pieces)


def taking_back(pieces: int) -> StockChange:
    return StockChange(available=pieces, sold=-pieces)
