"""Topic `ingest.activities.v1`: partners' events, verified and reduced to the fields that quantification needs."""

import uuid
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from shared.contracts.bounds import EARLIEST, LATEST

_HEX: Final = b"0123456789abcdef"
Amount = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=10 * 366 * 86_400)]
Position = Annotated[int, msgspec.Meta(ge=0, le=10**6)]
# The patterns of these two are in the schema only. Matching every field was half of the cost of decoding a record;
# `__post_init__` checks the same at a tenth of it.
Name = Annotated[str, msgspec.Meta(max_length=256, extra_json_schema={"pattern": r"^[^\x00]*$"})]
Sha256 = Annotated[str, msgspec.Meta(min_length=64, max_length=64, extra_json_schema={"pattern": r"^[0-9a-f]{64}$"})]
MeterKey = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$")]  # `identity.meter_key`
VehicleKey = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$")]  # `identity.vehicle_key`


# Both without `gc`: they are made by the hundred and cannot be part of a reference cycle.
class Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The low-carbon act, in integers with units. Times are aware. No coordinates, lines, order numbers or machine ids.

    `natural_key` is the keyed hash of the partner's own number for the act: one number is one physical act. `meter_key`
    and `vehicle_key` are the keyed hashes of an electricity meter and of a hired vehicle: both serve one act at a time.
    A producer that does not know a key leaves it out. `passenger_count` counts all people in the vehicle together.
    `steps` are those of one local day, from `started_at` to `ended_at`.
    """

    kind: Literal["trip", "transit", "recycling", "bag", "energy", "steps"]
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
    steps: Amount | None = None
    natural_key: Name | None = None
    meter_key: MeterKey | None = None
    vehicle_key: VehicleKey | None = None


class Mend(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Two operators mended this record, which no consumer could read. The partner signed the original bytes.

    `fields` are the dotted paths of what they changed. `raw_sha256` and `fingerprint` stay those of the original.
    """

    proposal_id: uuid.UUID
    fields: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1, max_length=20)]


# What a mend may change, if it made the record unreadable. All else says who did it, by whose word, and under which id.
MENDABLE: Final = frozenset(
    f"act.{name}"
    for name in (
        "kind",
        "started_at",
        "ended_at",
        "city_code",
        "vehicle_type",
        "propulsion_type",
        "trip_type",
        "distance_m",
        "duration_s",
        "straight_line_m",
        "passenger_count",
        "material",
        "weight_g",
        "energy_wh",
        "baseline_wh",
        "count",
        "steps",
    )
)


class ActivityReported(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Value of a record. Key of the record = `partner_id:account_key`: one person's events at a partner are in order.

    With `operation` correct or cancel, `original_event_id` names the event concerned. A correction has the new `act`, a
    cancellation has none. `fingerprint` = SHA-256 hex of the event's type, account key and act: the same id with a
    different fingerprint is a conflict. `raw_sha256` = SHA-256 hex of the bytes that the partner signed for this event.
    `receipt_accepted`, `receipt_rejected`: size of the receipt, so that a reader knows when it has seen all of it.
    `mend` is absent, except in a record that two operators mended.
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
    mend: Mend | None = None

    def __post_init__(self) -> None:
        """Raises ValueError (ValidationError while decoding) for a time without offset or outside 2000 to 2099, a NUL,
        or an invalid hash."""
        act = self.act
        _require_time(self.received_at)
        texts = f"{self.partner_id}{self.event_id}{self.account_key}{self.evidence_tier}"
        if act is not None:
            _require_time(act.started_at)
            if act.ended_at is not None:
                _require_time(act.ended_at)
            texts += (
                f"{act.city_code}{act.vehicle_type}{act.propulsion_type}{act.trip_type}{act.material}{act.natural_key}"
            )
        if self.original_event_id is not None or self.reason is not None:
            texts += f"{self.original_event_id}{self.reason}"
        if "\x00" in texts:
            raise ValueError("a NUL in a text")
        if f"{self.fingerprint}{self.raw_sha256}".encode().translate(None, _HEX):
            raise ValueError("not the lower-case hexadecimal form of a SHA-256")


def _require_time(time: datetime) -> None:
    if time.tzinfo is None or not EARLIEST <= time < LATEST:
        raise ValueError("a time without offset or outside 2000 to 2099")
