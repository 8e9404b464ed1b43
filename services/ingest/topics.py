"""The service's own topic: what the intake refused, told to its own worker, because the intake has no database.

Written only when a request had rejected events. An accepted event needs no such record: it carries the size of its
receipt itself.
"""

import uuid
from datetime import datetime

import msgspec

REJECTIONS = "ingest.rejections.v1"
REJECTIONS_PARTITIONS = 1  # a trickle beside the activities; its order does not matter


class RejectedEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event that was refused. `id` only when it was readable, `field` only when one was to blame."""

    index: int
    code: str
    id: str | None = None
    field: str | None = None


class ReceiptRejected(msgspec.Struct, frozen=True, kw_only=True):
    """Value of a record; its key is the partner's id."""

    receipt_id: uuid.UUID
    partner_id: str
    received_at: datetime
    accepted: int
    rejected: list[RejectedEvent]
