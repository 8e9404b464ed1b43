"""When and how much a campaign takes."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """`starts_at` inclusive, `ends_at` exclusive; amounts of one donation, both inclusive."""

    starts_at: datetime
    ends_at: datetime
    min_mg: int
    max_mg: int

    def open_at(self, instant: datetime) -> bool:
        return self.starts_at <= instant < self.ends_at

    def takes(self, amount_mg: int) -> bool:
        return self.min_mg <= amount_mg <= self.max_mg
