"""The sale window of an item, and the ways of its pieces."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


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
