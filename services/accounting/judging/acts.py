"""The act that is judged: kind, time, place, person and amounts, in integers with units."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

import msgspec

from services.accounting.bindings.domain import BindingState
from services.accounting.households.domain import Stay

# The pseudo-partner of acts that citizens declare. Registered partner ids begin with a letter or a digit.
SELF_PARTNER: Final = "~self"


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One reported act, normalised. Times are aware UTC. `local_date` is the date of the start in Asia/Shanghai.

    `kind` and the fields below `city_code` are those of `shared.contracts.activities_v1.Act`, except the last keys.
    """

    activity_id: UUID
    account_id: UUID | None
    partner_id: str
    kind: str  # "trip", "transit", "recycling", "bag", "energy", "steps"; more in `MeasuredAct`
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
    steps: int | None = None
    number_key: int | None = None  # `uniqueness.number_key` of the natural key
    meter_key: str | None = None
    use_key: UUID | None = None  # of the meter or the vehicle, made once because that is slow
    # Set only if the methodology counts households or meters.
    meter_account_id: UUID | None = None  # the household that had the meter
    stays: tuple[Stay, ...] = ()

    @property
    def elapsed_s(self) -> int | None:
        """Whole seconds between start and end. None without an end."""
        if self.ended_at is None:
            return None
        elapsed = self.ended_at - self.occurred_at
        return elapsed.days * 86_400 + elapsed.seconds

    @property
    def duration_or_elapsed_s(self) -> int | None:
        """The reported duration, which may leave out pauses. Without one, the time between start and end."""
        return self.elapsed_s if self.duration_s is None else self.duration_s


class MeasuredAct(Act, frozen=True, kw_only=True):
    """An act with the amounts that only the kinds of `document.UNREPORTED_KINDS` have.

    No event type carries these amounts, so only worked examples use this class. When partners may report such a kind,
    move its fields to `Act` and to `shared.contracts.activities_v1.Act`.
    """

    od_distance_m: int | None = None
    walked_m: int | None = None
    cycled_m: int | None = None
    by_bus_m: int | None = None
    by_rail_m: int | None = None
    used_wh: int | None = None
    average_wh_7d: int | None = None
    persons: int | None = None
    replacement_percent: int | None = None
