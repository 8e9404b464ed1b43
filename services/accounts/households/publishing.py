"""Records of the topic `accounts.households.v1`: the full state of one membership or meter, keyed by its id."""

import uuid
from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.accounts.database import SCHEMA
from services.accounts.households.models import HouseholdMember, HouseholdMeter
from services.accounts.settings import Settings
from shared import clock, outbox
from shared.contracts import topics
from shared.contracts.envelope import event_headers
from shared.contracts.event_types import MEMBERSHIP_CHANGED_TYPE, METER_CHANGED_TYPE
from shared.contracts.households_v1 import HouseholdFact, MembershipChanged, MeterChanged
from shared.db import Session
from shared.eventlog import Record

EVENT_SOURCE = "/accounts"


async def publish_change(session: Session, *, settings: Settings, changed: HouseholdMember | HouseholdMeter) -> None:
    """Store the record in the outbox, in the transaction of the change. The worker publishes it."""
    record = _membership_record(changed) if isinstance(changed, HouseholdMember) else _meter_record(changed)
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


def _membership_record(row: HouseholdMember) -> Record:
    fact = MembershipChanged(
        membership_id=row.membership_id,
        version=row.version,
        household_id=row.household_id,
        account_id=row.account_id,
        joined_at=row.joined_at,
        left_at=row.left_at,
        changed_at=row.changed_at,
    )
    return _record(row.membership_id, fact, MEMBERSHIP_CHANGED_TYPE, row.version, row.changed_at)


def _meter_record(row: HouseholdMeter) -> Record:
    fact = MeterChanged(
        registration_id=row.registration_id,
        version=row.version,
        household_id=row.household_id,
        meter_key=row.meter_key,
        since=row.since,
        ended_at=row.ended_at,
        changed_at=row.changed_at,
    )
    return _record(row.registration_id, fact, METER_CHANGED_TYPE, row.version, row.changed_at)


def _record(key: uuid.UUID, fact: HouseholdFact, event_type: str, version: int, changed_at: datetime) -> Record:
    headers = event_headers(f"{key}:{version}", source=EVENT_SOURCE, event_type=event_type, at=changed_at)
    return Record(key=str(key).encode(), value=msgspec.json.encode(fact), headers=headers)
