"""Topic `accounting.outcomes.v1`: what became of an event. Key = `partner_id:account_key`, as the event had."""

import uuid
from datetime import datetime
from typing import Literal

import msgspec

Status = Literal["credited", "pending", "refused", "parked", "duplicate", "conflict", "reversed"]


class ActivityJudged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`activity_id` is the event's key. `status` duplicate and conflict speak of this copy, not of the first one.

    `sequence` grows with every verdict on one activity, so that a reader can drop an older verdict that arrives late.
    """

    activity_id: uuid.UUID
    partner_id: str
    event_id: str
    receipt_id: uuid.UUID
    index: int
    status: Status
    reason_code: str | None = None
    amount_mg: int = 0
    account_id: uuid.UUID | None = None
    scene: str | None = None
    methodology: str | None = None
    occurred_at: datetime | None = None
    distance_m: int | None = None
    judged_at: datetime
    sequence: int = 1
