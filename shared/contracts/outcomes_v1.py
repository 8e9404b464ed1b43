"""Topic `accounting.outcomes.v1`: accounting's verdicts on events. Key = `partner_id:account_key`, as of the event."""

import uuid
from datetime import datetime
from typing import Final, Literal

import msgspec

from shared.contracts.activities_v1 import Amount, Name, Position
from shared.contracts.bounds import Count, Milligrams, require_storable

EVENT_SOURCE: Final = "/accounting"
ACTIVITY_JUDGED_TYPE: Final = "cn.carboninclusion.activity.judged.v1"

Status = Literal["credited", "pending", "refused", "parked", "duplicate", "conflict", "reversed"]
# Every value of `reason_code`. A reader keeps a code that it does not know.
REASON_CODES: Final = (
    "IMPLAUSIBLE_TIME",
    "IMPLAUSIBLE_DURATION",
    "IMPLAUSIBLE_DISTANCE",
    "IMPLAUSIBLE_SPEED",
    "IMPLAUSIBLE_AMOUNT",
    "IMPLAUSIBLE_RATE",
    "IMPLAUSIBLE_RATIO",
    "NOBODY_CARRIED",
    "NOT_YET_HAPPENED",
    "TOO_LATE",
    "NO_BINDING",
    "BEFORE_BINDING",
    "AFTER_BINDING",
    "CONSENT_WITHDRAWN",
    "DUPLICATE_ACT",
    "COUNTED_ELSEWHERE",
    "VEHICLE_COUNTED",
    "METER_COUNTED",
    "METHODOLOGY_REFUSED",
    "NO_METHODOLOGY",
    "HOUSEHOLD_REQUIRED",
    "METER_NOT_OF_HOUSEHOLD",
    "METER_UNKNOWN",
    "EVIDENCE_NOT_ACCEPTED",
    "MISSING_INPUT",
    "NOT_COMPUTABLE",
    "DAILY_CAP",
    "MONTHLY_CAP",
    "YEARLY_CAP",
    "BELOW_MINIMUM",
    "CANCELLED",
    "CORRECTED",
    "REVOKED",
    "ORIGINAL_UNKNOWN",
    "ALREADY_REVERSED",
    "CORRECTION_TOO_LATE",
    "NOTHING_TO_CORRECT",
    "CREDITED",
    "PARTLY_CAPPED",
)


class ActivityJudged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`activity_id` is the event's key. `status` duplicate and conflict concern this copy, not the first one.

    `sequence` grows with every verdict on one activity, so that a reader can drop an older verdict that arrives late.
    """

    activity_id: uuid.UUID
    partner_id: Name
    event_id: Name
    receipt_id: uuid.UUID
    index: Position
    status: Status
    reason_code: Name | None = None
    amount_mg: Milligrams = 0
    account_id: uuid.UUID | None = None
    scene: Name | None = None
    methodology: Name | None = None
    occurred_at: datetime | None = None
    distance_m: Amount | None = None
    judged_at: datetime
    sequence: Count = 1

    def __post_init__(self) -> None:
        """Raises ValueError (a ValidationError while decoding)."""
        # Joined first, because every verdict passes here: one search costs a third of five.
        require_storable(f"{self.partner_id}{self.event_id}{self.reason_code}{self.scene}{self.methodology}")
        require_storable(self.occurred_at, self.judged_at)
