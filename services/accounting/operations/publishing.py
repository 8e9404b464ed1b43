"""Records of the topic `accounting.freezes.v1`: an account was frozen, or its freeze has ended."""

import uuid
from datetime import datetime

import msgspec

from services.accounting.database import SCHEMA
from shared import outbox
from shared.contracts.account_state import FreezeReason
from shared.contracts.envelope import event_headers
from shared.contracts.freezes_v1 import FREEZE_CHANGED_TYPE, FreezeChanged
from shared.contracts.outcomes_v1 import EVENT_SOURCE
from shared.db import Session
from shared.eventlog import Record


async def publish_freeze(
    session: Session, *, topic: str, account_id: uuid.UUID, frozen: bool, reason: FreezeReason | None, at: datetime
) -> None:
    """Store the record in the transaction that freezes or unfreezes."""
    change = FreezeChanged(account_id=account_id, frozen=frozen, reason=reason, changed_at=at)
    headers = event_headers(
        f"{account_id}:{at.isoformat()}", source=EVENT_SOURCE, event_type=FREEZE_CHANGED_TYPE, at=at
    )
    record = Record(key=str(account_id).encode(), value=msgspec.json.encode(change), headers=headers)
    await outbox.add(session, SCHEMA, topic, [record])
