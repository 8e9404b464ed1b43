"""Records of memberships on the topic `accounts.enterprises.v1`, keyed by the membership's id."""

import uuid
from collections.abc import Sequence

import msgspec

from services.accounts.database import SCHEMA
from services.accounts.enterprise_members.models import EnterpriseMember
from services.accounts.settings import Settings
from shared import clock, outbox
from shared.contracts import topics
from shared.contracts.enterprises_v1 import EnterpriseMemberChanged
from shared.contracts.envelope import event_headers
from shared.contracts.event_types import ENTERPRISE_MEMBER_CHANGED_TYPE
from shared.db import Session
from shared.eventlog import Record

EVENT_SOURCE = "/accounts"


async def publish_members(session: Session, *, settings: Settings, rows: Sequence[EnterpriseMember]) -> None:
    """Store one record per membership in the outbox, in the transaction of the change."""
    records = [_record(row) for row in rows]
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.ENTERPRISES, records)


async def publish_forgotten(session: Session, *, settings: Settings, membership_ids: Sequence[uuid.UUID]) -> None:
    """Store a record without a value for each membership: compaction then removes what the topic knew of it."""
    now = clock.now()
    records = [
        Record(
            key=str(membership_id).encode(),
            value=None,
            headers=event_headers(
                f"{membership_id}:forgotten", source=EVENT_SOURCE, event_type=ENTERPRISE_MEMBER_CHANGED_TYPE, at=now
            ),
        )
        for membership_id in membership_ids
    ]
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.ENTERPRISES, records)


def _record(row: EnterpriseMember) -> Record:
    assert row.accepted_at is not None  # an invitation is no membership yet
    fact = EnterpriseMemberChanged(
        membership_id=row.membership_id,
        version=row.version,
        enterprise_id=row.enterprise_id,
        account_id=row.account_id,
        roles=tuple(row.roles),
        since=row.accepted_at,
        until=row.ended_at,
        changed_at=row.changed_at,
    )
    event_id = f"{row.membership_id}:{row.version}"
    headers = event_headers(event_id, source=EVENT_SOURCE, event_type=ENTERPRISE_MEMBER_CHANGED_TYPE, at=row.changed_at)
    return Record(key=str(row.membership_id).encode(), value=msgspec.json.encode(fact), headers=headers)
