"""What an act is worth: the pure rule from a batch of acts and the caps' state to one judgement each.

No clock, no I/O: "now" is the moment the log accepted the act (`received_at`), so a replay years later judges alike.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from services.accounting.methodologies.matching import MethodologyIndex


class BindingState(StrEnum):
    """How the act's time lies to the binding between the citizen and the partner, resolved before judging."""

    BOUND = "bound"
    NONE = "none"
    BEFORE = "before"
    AFTER = "after"
    CONSENT_WITHDRAWN = "consent_withdrawn"


class Status(StrEnum):
    CREDITED = "credited"
    REFUSED = "refused"
    PARKED = "parked"


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One reported act, normalised. Times are aware UTC; `local_date` is the start's date in Asia/Shanghai."""

    activity_id: UUID
    account_id: UUID | None
    partner_id: str
    kind: str  # event type's short name: "trip.completed", "transit.ridden", …
    occurred_at: datetime
    local_date: date
    received_at: datetime
    late_window_s: int
    binding: BindingState
    city_code: str
    evidence_tier: str = "partner_signed"
    ended_at: datetime | None = None
    vehicle_type: str | None = None
    propulsion_type: str | None = None
    trip_type: str | None = None
    material: str | None = None
    distance_m: int | None = None
    straight_line_m: int | None = None
    duration_s: int | None = None
    passenger_count: int | None = None
    weight_g: int | None = None
    energy_wh: int | None = None
    baseline_wh: int | None = None
    count: int | None = None


class CapKey(NamedTuple):
    """Identity of one cap counter: the period is named by its first day in Asia/Shanghai."""

    account_id: UUID
    cap_id: str
    period_start: date


class CapUsed(NamedTuple):
    acts: int = 0
    amount_mg: int = 0


class CapTouched(msgspec.Struct, frozen=True, kw_only=True):
    """What one cap decided. `limit`, `used_before` and `granted` count acts or milligrams, as `measure` says."""

    cap_id: str
    period_start: date
    measure: str  # "acts" | "mg"
    limit: int
    used_before: int
    granted: int


class FactorRef(msgspec.Struct, frozen=True):
    factor_id: str
    vintage: int


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one act, complete enough to be explained and recomputed years later."""

    activity_id: UUID
    account_id: UUID | None
    status: Status
    reason_code: str  # "CREDITED", "CREDITED_PARTLY" or why not
    amount_mg: int  # granted; 0 unless credited
    raw_mg: int  # before caps, never negative
    methodology_code: str | None = None
    methodology_version: int | None = None
    scene: str | None = None
    evidence_tier: str | None = None
    factors: tuple[FactorRef, ...] = ()
    inputs: Mapping[str, int] = {}  # act field -> value in the field's unit, e.g. {"distance_m": 2360}
    caps: tuple[CapTouched, ...] = ()
    detail: Mapping[str, int | str] = {}  # e.g. {"measure": "speed_kmh", "measured": 212, "limit": 120}
    vesting_days: int = 0
    issuable: bool = False


class JudgedBatch(NamedTuple):
    judgements: list[Judgement]  # in the order of the acts
    usage: dict[CapKey, CapUsed]  # what the batch adds to the caps' counters


class DuplicateCheck(Protocol):
    """Decides whether an act is the same physical act as one already credited (see duplicates.py)."""

    def original_of(self, act: Act, groups: Sequence[str]) -> UUID | None: ...

    def credited(self, act: Act, groups: Sequence[str]) -> None: ...


def cap_keys(acts: Sequence[Act], index: MethodologyIndex) -> set[CapKey]:
    """The cap counters that must be loaded before `judge` may run on these acts."""
    raise NotImplementedError


def judge(
    acts: Sequence[Act],
    index: MethodologyIndex,
    usage: Mapping[CapKey, CapUsed],
    duplicates: DuplicateCheck | None = None,
) -> JudgedBatch:
    """Judge the acts in log order. Equals judging them one by one with the usage carried along."""
    raise NotImplementedError
