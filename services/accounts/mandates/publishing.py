"""Records of the topic `accounts.mandates.v1`: the full state of one mandate, keyed by its id."""

import uuid
from collections.abc import Sequence
from typing import cast

import msgspec

from services.accounts.database import SCHEMA
from services.accounts.mandates.models import Mandate
from services.accounts.settings import Settings
from shared import clock, outbox
from shared.contracts import topics
from shared.contracts.envelope import event_headers
from shared.contracts.event_types import MANDATE_CHANGED_TYPE
from shared.contracts.mandates_v1 import MandateChanged, MandateKind
from shared.db import Session
from shared.eventlog import Record

EVENT_SOURCE = "/accounts"


async def publish_mandates(session: Session, *, settings: Settings, rows: Sequence[Mandate]) -> None:
    """Store one record per mandate in the outbox, in the transaction of the change. The worker publishes them."""
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.MANDATES, [_record(row) for row in rows])


async def publish_forgotten(session: Session, *, settings: Settings, mandate_ids: Sequence[uuid.UUID]) -> None:
    """Store a record without a value for each mandate: compaction then removes what the topic knew of it."""
    now = clock.now()
    records = [
        Record(
            key=str(mandate_id).encode(),
            value=None,
            headers=event_headers(
                f"{mandate_id}:forgotten", source=EVENT_SOURCE, event_type=MANDATE_CHANGED_TYPE, at=now
            ),
        )
        for mandate_id in mandate_ids
    ]
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.MANDATES, records)


def _record(row: Mandate) -> Record:
    fact = MandateChanged(
        mandate_id=row.mandate_id,
        version=row.version,
        account_id=row.account_id,
        platform_id=row.platform_id,
        kind=cast("MandateKind", row.kind),
        scenes=tuple(row.scenes),
        terms_version=row.terms_version,
        terms_sha256=row.terms_sha256,
        threshold_mg=row.threshold_mg,
        accepted_at=row.accepted_at,
        until=row.until,
        changed_at=row.changed_at,
    )
    event_id = f"{row.mandate_id}:{row.version}"
    headers = event_headers(event_id, source=EVENT_SOURCE, event_type=MANDATE_CHANGED_TYPE, at=row.changed_at)
    return Record(key=str(row.mandate_id).encode(), value=msgspec.json.encode(fact), headers=headers)
