"""The sale window of an item."""

from dataclasses import dataclass
from datetime import datetime


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
