"""The window and the amounts of a campaign."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """`starts_at` inclusive, `ends_at` exclusive; `min_mg` and `max_mg` of one donation are inclusive."""

    starts_at: datetime
    ends_at: datetime
    min_mg: int
    max_mg: int

    def open_at(self, instant: datetime) -> bool:
        return self.starts_at <= instant < self.ends_at

    def accepts(self, amount_mg: int) -> bool:
        return self.min_mg <= amount_mg <= self.max_mg
