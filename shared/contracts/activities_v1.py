"""Topic `ingest.activities.v1`: one partner event, verified and reduced to what quantification needs."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec

# What a reader can store and compute with. The intake is stricter; these keep a record from elsewhere from stopping a
# consumer: it is set aside as unreadable instead.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
Amount = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=10 * 366 * 86_400)]
Position = Annotated[int, msgspec.Meta(ge=0, le=10**6)]
Name = Annotated[str, msgspec.Meta(max_length=256, pattern=r"^[^\x00]*$")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
MeterKey = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$")]  # `identity.meter_key`


class Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done, in integers with units. Times are aware. No coordinates, lines, order numbers or machine ids.

    `meter_key` stands for an electricity meter without naming it; a producer that does not know it leaves it out.
    """

    kind: Literal["trip", "transit", "recycling", "bag", "energy"]
    started_at: datetime
    ended_at: datetime | None = None
    city_code: Name
    vehicle_type: Name | None = None
    propulsion_type: Name | None = None
    trip_type: Name | None = None
    distance_m: Amount | None = None
    duration_s: Amount | None = None
    straight_line_m: Amount | None = None
    passenger_count: Amount | None = None
    material: Name | None = None
    weight_g: Amount | None = None
    energy_wh: Amount | None = None
    baseline_wh: Amount | None = None
    count: Amount | None = None
    natural_key: Name | None = None
    meter_key: MeterKey | None = None


class ActivityReported(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Value of a record. Key of the record = `partner_id:account_key`, so one person at one partner stays in order.

    `operation` correct and cancel name the event they speak of in `original_event_id`; a correction brings the new
    `act`, a cancellation none. `fingerprint` = SHA-256 hex of the event's type, account key and act: the same id with
    another fingerprint is a conflict. `raw_sha256` = SHA-256 hex of the bytes the partner signed for this event.
    `receipt_accepted`, `receipt_rejected`: size of the receipt, so that a reader knows when it has seen all of it.
    """

    operation: Literal["report", "correct", "cancel"] = "report"
    event_key: uuid.UUID
    partner_id: Name
    event_id: Name
    receipt_id: uuid.UUID
    index: Position
    account_key: Name
    act: Act | None = None
    original_event_id: Name | None = None
    reason: Name | None = None
    fingerprint: Sha256
    raw_sha256: Sha256
    received_at: datetime
    late_window_s: Seconds
    evidence_tier: Name = "partner_signed"
    receipt_accepted: Position = 0
    receipt_rejected: Position = 0

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding) for a time without offset or outside 2000 to 2099."""
        times = [self.received_at]
        if self.act is not None:
            times += [time for time in (self.act.started_at, self.act.ended_at) if time is not None]
        if not all(time.tzinfo is not None and EARLIEST <= time < LATEST for time in times):
            raise ValueError("a time without offset or outside 2000 to 2099")
