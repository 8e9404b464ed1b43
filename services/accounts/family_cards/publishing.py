"""Records of family cards on the topic `accounts.households.v1`, keyed by card."""

import msgspec

from services.accounts.database import SCHEMA
from services.accounts.family_cards.models import FamilyCard
from services.accounts.settings import Settings
from shared import clock, outbox
from shared.contracts import topics
from shared.contracts.envelope import event_headers
from shared.contracts.event_types import CARD_CHANGED_TYPE
from shared.contracts.households_v1 import CardChanged
from shared.contracts.identity import person_account_id
from shared.db import Session
from shared.eventlog import Record

_EVENT_SOURCE = "/accounts"


async def publish_forgotten(session: Session, *, settings: Settings, row: FamilyCard) -> None:
    """Store a record without a value: compaction then removes what the topic knew of the card."""
    headers = event_headers(
        f"{row.card_id}:forgotten", source=_EVENT_SOURCE, event_type=CARD_CHANGED_TYPE, at=clock.now()
    )
    record = Record(key=str(row.card_id).encode(), value=None, headers=headers)
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.HOUSEHOLDS, [record])


async def publish_card(session: Session, *, settings: Settings, row: FamilyCard) -> None:
    """Store the record in the outbox, in the transaction of the change. The worker publishes it."""
    fact = CardChanged(
        card_id=row.card_id,
        version=row.version,
        account_id=person_account_id(row.user_id),
        proxy_account_id=None if row.proxy_user_id is None else person_account_id(row.proxy_user_id),
        limit_mg=row.limit_mg,
        since=row.opened_at,
        ended_at=row.ended_at,
        changed_at=row.changed_at,
    )
    key = str(row.card_id)
    headers = event_headers(
        f"{key}:{row.version}", source=_EVENT_SOURCE, event_type=CARD_CHANGED_TYPE, at=row.changed_at
    )
    record = Record(key=key.encode(), value=msgspec.json.encode(fact), headers=headers)
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.HOUSEHOLDS, [record])
