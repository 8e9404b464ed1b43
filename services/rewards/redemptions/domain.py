"""The rules of a till."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

# The guest is still at the counter.
UNDO_WITHIN: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a voucher is presented, and by whom: `actor` is the till, whose key has signed or whose token it is."""

    merchant_id: str
    shop_id: str
    actor: str
    till_id: uuid.UUID | None
    subject: str


def actor_of(*, merchant_id: str, till_id: uuid.UUID | None, till_ref: str | None) -> str:
    """Name the till. A merchant's own system names its tills itself; a change of its key does not change the till."""
    return f"till:{till_id}" if till_id is not None else f"merchant:{merchant_id}:{till_ref or ''}"
