"""Topic `ingest.rejections.v1`: which events of a request ingest has refused. Key = the partner id.

It goes from the intake to the worker of the same service, because the intake has no database. A record is written only
if a request had rejected events. Accepted events carry the size of their receipt themselves.
"""

import uuid
from datetime import datetime
from typing import Final

import msgspec

RECEIPT_REJECTED_TYPE: Final = "cn.carboninclusion.receipt.rejected.v1"


class RejectedEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rejected event. `id` only if it was readable, `field` only if one field was the cause."""

    index: int
    code: str
    id: str | None = None
    field: str | None = None


class ReceiptRejected(msgspec.Struct, frozen=True, kw_only=True):
    """The rejected events of one request. `receipt_id` identifies a repeat."""

    receipt_id: uuid.UUID
    partner_id: str
    received_at: datetime
    accepted: int
    rejected: list[RejectedEvent]
