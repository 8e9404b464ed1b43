"""The window, the amounts and the target of a campaign. Pure."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CampaignKind(StrEnum):
    CHARITY = "charity"
    EVENT = "event"


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


@dataclass(frozen=True, slots=True)
class Donor:
    """Whose grams were given: those of a person, or of an enterprise."""

    user_id: uuid.UUID | None = None
    enterprise_id: uuid.UUID | None = None


class Obstacle(StrEnum):
    """Why a campaign does not take a donation."""

    CLOSED = "closed"
    OUT_OF_RANGE = "out_of_range"
    OVER_TARGET = "over_target"


def obstacle(terms: Terms, *, rest_mg: int, is_closed: bool, amount_mg: int, instant: datetime) -> Obstacle | None:
    """Return what stands against a donation, None if the campaign takes it.

    The rest may be smaller than the minimum. Then exactly the rest is accepted, so that the target can be reached.
    """
    if is_closed or not terms.open_at(instant):
        return Obstacle.CLOSED
    is_the_rest = amount_mg == rest_mg <= terms.max_mg
    if not terms.accepts(amount_mg) and not is_the_rest:
        return Obstacle.OUT_OF_RANGE
    return Obstacle.OVER_TARGET if amount_mg > rest_mg else None
