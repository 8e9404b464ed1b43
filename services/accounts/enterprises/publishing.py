"""Records of an enterprise on the topic `accounts.enterprises.v1`, keyed by its id."""

from typing import cast

import msgspec

from services.accounts.database import SCHEMA
from services.accounts.enterprises.models import Enterprise
from services.accounts.settings import Settings
from shared import outbox
from shared.contracts import topics
from shared.contracts.enterprises_v1 import EnterpriseChanged, EnterpriseStatus
from shared.contracts.envelope import event_headers
from shared.contracts.event_types import ENTERPRISE_CHANGED_TYPE
from shared.contracts.identity import enterprise_account_id
from shared.db import Session
from shared.eventlog import Record

EVENT_SOURCE = "/accounts"


async def publish_enterprise(session: Session, *, settings: Settings, row: Enterprise) -> None:
    """Store the record in the outbox, in the transaction of the change. The worker publishes it."""
    assert row.approved_at is not None  # nothing is published before the approval
    fact = EnterpriseChanged(
        enterprise_id=row.enterprise_id,
        version=row.version,
        status=cast("EnterpriseStatus", row.status),
        kinds=tuple(row.kinds),
        account_id=enterprise_account_id(row.enterprise_id),
        name=row.name,
        approved_at=row.approved_at,
        changed_at=row.changed_at,
    )
    event_id = f"{row.enterprise_id}:{row.version}"
    headers = event_headers(event_id, source=EVENT_SOURCE, event_type=ENTERPRISE_CHANGED_TYPE, at=row.changed_at)
    record = Record(key=str(row.enterprise_id).encode(), value=msgspec.json.encode(fact), headers=headers)
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.ENTERPRISES, [record])
