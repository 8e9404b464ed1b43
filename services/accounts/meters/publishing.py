"""Records of meters on the topic `accounts.households.v1`, keyed by registration."""

import msgspec

from services.accounts.database import SCHEMA
from services.accounts.meters.models import HouseholdMeter
from services.accounts.settings import Settings
from shared import outbox
from shared.contracts import topics
from shared.contracts.envelope import event_headers
from shared.contracts.event_types import METER_CHANGED_TYPE
from shared.contracts.households_v1 import MeterChanged
from shared.db import Session
from shared.eventlog import Record

_EVENT_SOURCE = "/accounts"


async def publish_meter(session: Session, *, settings: Settings, row: HouseholdMeter) -> None:
    """Store the record in the outbox, in the transaction of the change. The worker publishes it."""
    fact = MeterChanged(
        registration_id=row.registration_id,
        version=row.version,
        household_id=row.household_id,
        meter_key=row.meter_key,
        since=row.since,
        ended_at=row.ended_at,
        changed_at=row.changed_at,
    )
    key = str(row.registration_id)
    headers = event_headers(
        f"{key}:{row.version}", source=_EVENT_SOURCE, event_type=METER_CHANGED_TYPE, at=row.changed_at
    )
    record = Record(key=key.encode(), value=msgspec.json.encode(fact), headers=headers)
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.HOUSEHOLDS, [record])
