"""Topic `ingest.activities.v1`: one partner event, verified and reduced to what quantification needs."""

import uuid
from datetime import datetime
from typing import Literal

import msgspec


class Act(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done, in integers with units. Times are aware. No coordinates, lines, order numbers or machine ids."""

    kind: Literal["trip", "transit", "recycling", "bag", "energy"]
    started_at: datetime
    ended_at: datetime | None = None
    city_code: str
    vehicle_type: str | None = None
    propulsion_type: str | None = None
    trip_type: str | None = None
    distance_m: int | None = None
    duration_s: int | None = None
    straight_line_m: int | None = None
    passenger_count: int | None = None
    material: str | None = None
    weight_g: int | None = None
    energy_wh: int | None = None
    baseline_wh: int | None = None
    count: int | None = None
    natural_key: str | None = None


class ActivityReported(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Value of a record. Key of the record = `partner_id:account_key`, so one person at one partner stays in order.

    `operation` correct and cancel name the event they speak of in `original_event_id`; a correction brings the new
    `act`, a cancellation none. `fingerprint` = SHA-256 hex of the event's type, account key and act: the same id with
    another fingerprint is a conflict. `raw_sha256` = SHA-256 hex of the bytes the partner signed for this event.
    `receipt_accepted`, `receipt_rejected`: size of the receipt, so that a reader knows when it has seen all of it.
    """

    operation: Literal["report", "correct", "cancel"] = "report"
    event_key: uuid.UUID
    partner_id: str
    event_id: str
    receipt_id: uuid.UUID
    index: int
    account_key: str
    act: Act | None = None
    original_event_id: str | None = None
    reason: str | None = None
    fingerprint: str
    raw_sha256: str
    received_at: datetime
    late_window_s: int
    evidence_tier: str = "partner_signed"
    receipt_accepted: int = 0
    receipt_rejected: int = 0
