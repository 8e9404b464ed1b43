"""Records of memberships on the topic `accounts.households.v1`, keyed by membership."""

import uuid
from collections.abc import Sequence

import msgspec

from services.accounts.database import SCHEMA
from services.accounts.households.models import HouseholdMember
from services.accounts.settings import Settings
from shared import clock, outbox
from shared.contracts import topics
from shared.contracts.envelope import event_headers
from shared.contracts.event_types import MEMBERSHIP_CHANGED_TYPE
from shared.contracts.households_v1 import MembershipChanged
from shared.db import Session
from shared.eventlog import Record

EVENT_SOURCE = "/accounts"


async def publish_change(session: Session, *, settings: Settings, changed: HouseholdMember) -> None:
    """Store the record in the outbox, in the transaction of the change. The worker publishes it."""
    fact = MembershipChanged(
        membership_id=changed.membership_id,
        version=changed.version,
        household_id=changed.household_id,
        account_id=changed.account_id,
        joined_at=changed.joined_at,
        left_at=changed.left_at,
        changed_at=changed.changed_at,
    )
    key = str(changed.membership_id)
    headers = event_headers(
        f"{key}:{changed.version}", source=EVENT_SOURCE, event_type=MEMBERSHIP_CHANGED_TYPE, at=changed.changed_at
    )
    record = Record(key=key.encode(), value=msgspec.json.encode(fact), headers=headers)
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.HOUSEHOLDS, [record])


async def publish_forgotten(session: Session, *, settings: Settings, membership_ids: Sequence[uuid.UUID]) -> None:
    """Store a record without a value for each stay: compaction then removes what the topic knew of it."""
    now = clock.now()
    records = [
        Record(
            key=str(membership_id).encode(),
            value=None,
            headers=event_headers(
                f"{membership_id}:forgotten", source=EVENT_SOURCE, event_type=MEMBERSHIP_CHANGED_TYPE, at=now
            ),
        )
        for membership_id in membership_ids
    ]
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.HOUSEHOLDS, records)
