"""The service's own topic of rejections, from the intake to the worker, because the intake has no database.

A record is written only if a request had rejected events. Accepted events carry the size of their receipt themselves.
"""

import uuid
from datetime import datetime
from typing import Any, Final

import msgspec

from shared.contracts import topics
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.projection import Decoder

REJECTIONS = "ingest.rejections.v1"
REJECTIONS_PARTITIONS = 1  # few records, whose order does not matter


class RejectedEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rejected event. `id` only if it was readable, `field` only if one field was the cause."""

    index: int
    code: str
    id: str | None = None
    field: str | None = None


class ReceiptRejected(msgspec.Struct, frozen=True, kw_only=True):
    """The value of a record. Its key is the partner id."""

    receipt_id: uuid.UUID
    partner_id: str
    received_at: datetime
    accepted: int
    rejected: list[RejectedEvent]


ACTIVITIES_DECODER: Final = msgspec.json.Decoder(ActivityReported)
OUTCOMES_DECODER: Final = msgspec.json.Decoder(ActivityJudged)
REJECTIONS_DECODER: Final = msgspec.json.Decoder(ReceiptRejected)
DECODERS: Final[dict[str, Decoder[Any]]] = {
    topics.ACTIVITIES: ACTIVITIES_DECODER,
    topics.OUTCOMES: OUTCOMES_DECODER,
    REJECTIONS: REJECTIONS_DECODER,
}
"""What the service's consumers read, by topic."""
