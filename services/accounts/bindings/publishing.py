"""Records of the topic `accounts.bindings.v1`: the full state of one binding, keyed by its id, without names."""

import uuid
from collections.abc import Sequence

import msgspec

from services.accounts.bindings.models import Binding
from services.accounts.database import SCHEMA
from services.accounts.settings import Settings
from shared import clock, outbox
from shared.contracts import topics
from shared.contracts.bindings_v1 import BindingChanged
from shared.contracts.envelope import event_headers
from shared.contracts.event_types import BINDING_CHANGED_TYPE
from shared.db import Session
from shared.eventlog import Record

EVENT_SOURCE = "/accounts"


async def publish_bindings(session: Session, *, settings: Settings, changed: Sequence[Binding]) -> None:
    """Store one record per binding in the outbox, in the transaction of the change. The worker publishes them."""
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.BINDINGS, [_record(row) for row in changed])


async def publish_forgotten(session: Session, *, settings: Settings, binding_ids: Sequence[uuid.UUID]) -> None:
    """Store a record without a value for each binding: compaction then removes what the topic knew of it."""
    now = clock.now()
    records = [
        Record(
            key=str(binding_id).encode(),
            value=None,
            headers=event_headers(
                f"{binding_id}:forgotten", source=EVENT_SOURCE, event_type=BINDING_CHANGED_TYPE, at=now
            ),
        )
        for binding_id in binding_ids
    ]
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.BINDINGS, records)


def _record(row: Binding) -> Record:
    event = BindingChanged(
        binding_id=row.binding_id,
        version=row.version,
        partner_id=row.partner_id,
        account_key=row.account_key,
        account_id=row.account_id,
        user_id=row.user_id,
        status=row.status,
        counts_from=row.counts_from,
        ended_at=row.ended_at,
        consent_withdrawn_at=row.consent_withdrawn_at,
        changed_at=row.changed_at,
    )
    event_id = f"{row.binding_id}:{row.version}"
    headers = event_headers(event_id, source=EVENT_SOURCE, event_type=BINDING_CHANGED_TYPE, at=row.changed_at)
    return Record(key=str(row.binding_id).encode(), value=msgspec.json.encode(event), headers=headers)
