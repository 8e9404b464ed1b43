"""Records of the topic `accounts.consents.v1`: the newest consent of one person to one purpose."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from services.accounts.consents.models import Consent
from services.accounts.database import SCHEMA
from services.accounts.settings import Settings
from shared import outbox
from shared.contracts import topics
from shared.contracts.consents_v1 import ConsentChanged, consent_key
from shared.contracts.envelope import Headers, event_headers
from shared.contracts.event_types import CONSENT_CHANGED_TYPE
from shared.contracts.identity import person_account_id
from shared.db import Session
from shared.eventlog import Record

EVENT_SOURCE = "/accounts"


async def publish_consents(session: Session, *, settings: Settings, changed: Sequence[Consent], at: datetime) -> None:
    """Store one record per consent in the outbox, in the transaction of the change. The worker publishes them."""
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.CONSENTS, [_record(row, at) for row in changed])


async def publish_erasure(session: Session, *, settings: Settings, erased: Sequence[Consent], at: datetime) -> None:
    """Store a tombstone for each consent: the compacted topic forgets the key."""
    records = [Record(key=_key(row), value=None, headers=_headers(row, at)) for row in erased]
    await outbox.add(session, SCHEMA, settings.topic_prefix + topics.CONSENTS, records)


def _record(row: Consent, at: datetime) -> Record:
    event = ConsentChanged(
        account_id=person_account_id(row.user_id),
        purpose=row.purpose,
        version=row.version,
        policy_version=row.policy_version,
        given_at=row.given_at,
        ends_at=row.ended_at or row.ends_at,
        changed_at=at,
    )
    return Record(key=_key(row), value=msgspec.json.encode(event), headers=_headers(row, at))


def _key(row: Consent) -> bytes:
    return consent_key(person_account_id(row.user_id), row.purpose)


def _headers(row: Consent, at: datetime) -> Headers:
    event_id = f"{_key(row).decode()}:{row.version}"
    return event_headers(event_id, source=EVENT_SOURCE, event_type=CONSENT_CHANGED_TYPE, at=at)
