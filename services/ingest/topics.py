"""The service's own topic of rejections, from the intake to the worker, because the intake has no database.

A record is written only if a request had rejected events. Accepted events carry the size of their receipt themselves.
"""

import uuid
from datetime import datetime

import msgspec

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
