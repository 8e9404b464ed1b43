"""Consents: given per purpose and policy version, withdrawn as easily as given (PIPL 14, 15)."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.accounts.consents import repository
from services.accounts.consents.errors import ConsentRequired
from services.accounts.consents.models import Consent
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from shared import clock
from shared.db import Session
from shared.ids import new_id

# Each change leaves a row for ever; nobody changes their mind more often in good faith.
CHANGES_QUOTA = Quota("consent_change", at_most=30, window_s=86_400)
HISTORY_ROWS_MAX = 100


class Purpose(StrEnum):
    """What a person can agree to, each on its own."""

    DATA_PROCESSING = "data_processing"
    MESSAGES = "messages"
    RANKINGS = "rankings"
    RESEARCH = "research"


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    purpose: Purpose
    policy_version: str
    given_at: datetime
    withdrawn_at: datetime | None
    superseded_at: datetime | None


async def record_given(session: Session, *, user_id: uuid.UUID, purpose: Purpose, policy_version: str) -> ConsentRecord:
    """Records an agreement; the same version again changes nothing, another version takes the old one's place.

    The caller holds the user's lock. Raises QuotaExceeded.
    """
    current = await repository.live(session, user_id=user_id, purpose=purpose)
    if current is not None and current.policy_version == policy_version:
        return _record(current)
    await quotas.count_use(session, user_id=user_id, quota=CHANGES_QUOTA)
    at = clock.now()
    if current is not None:
        current.ended_at, current.ended_reason = at, "superseded"
        await repository.flush(session)
    consent = Consent(consent_id=new_id(), user_id=user_id, purpose=purpose, policy_version=policy_version, given_at=at)
    await repository.add(session, consent)
    return _record(consent)


async def record_withdrawn(session: Session, *, user_id: uuid.UUID, purpose: Purpose) -> datetime | None:
    """The moment of withdrawal, or None when there was nothing to withdraw. The caller holds the user's lock.

    Never refused by a quota: it is the giving that is counted.
    """
    current = await repository.live(session, user_id=user_id, purpose=purpose)
    if current is None:
        return None
    at = clock.now()
    current.ended_at, current.ended_reason = at, "withdrawn"
    await repository.flush(session)
    return at


async def require_consent(session: Session, *, user_id: uuid.UUID, purpose: Purpose) -> datetime | None:
    """Raises ConsentRequired without a live consent. Returns its beginning if consent was ever withdrawn before it.

    What happened while it was withdrawn stays uncounted, also when a binding made later asks to reach back.
    """
    current = await repository.live(session, user_id=user_id, purpose=purpose)
    if current is None:
        raise ConsentRequired(purpose=purpose.value)
    if await repository.was_ever_withdrawn(session, user_id=user_id, purpose=purpose):
        return current.given_at
    return None


async def has_consent(session: Session, *, user_id: uuid.UUID, purpose: Purpose) -> bool:
    return await repository.live(session, user_id=user_id, purpose=purpose) is not None


async def list_history(session: Session, *, user_id: uuid.UUID) -> Sequence[ConsentRecord]:
    """Newest first, at most HISTORY_ROWS_MAX."""
    rows = await repository.newest(session, user_id=user_id, at_most=HISTORY_ROWS_MAX)
    return [_record(row) for row in rows]


def _record(row: Consent) -> ConsentRecord:
    return ConsentRecord(
        purpose=Purpose(row.purpose),
        policy_version=row.policy_version,
        given_at=row.given_at,
        withdrawn_at=row.ended_at if row.ended_reason == "withdrawn" else None,
        superseded_at=row.ended_at if row.ended_reason == "superseded" else None,
    )
