"""Consents per purpose and policy version. Withdrawal is as easy as consent (PIPL articles 14 and 15).

Only the people room records consents, because bindings follow them. Everybody may read them.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.accounts.consents import repository
from services.accounts.consents.errors import ConsentRequired
from services.accounts.consents.models import Consent
from services.accounts.policies import service as policies
from services.accounts.quotas import service as quotas
from services.accounts.quotas.service import Quota
from services.accounts.sentences.names import PURPOSES
from shared import clock
from shared.db import Session
from shared.ids import new_id

# Each consent leaves a row for ever. Thirty a day are more than a person needs.
CHANGES_QUOTA = Quota("consent_change", at_most=30, window_s=86_400)
HISTORY_ROWS_MAX = 100


class Purpose(StrEnum):
    """Purposes that a person consents to separately."""

    DATA_PROCESSING = "data_processing"
    MESSAGES = "messages"
    HEALTH_STEPS = "health_steps"
    RANKINGS = "rankings"
    RESEARCH = "research"


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """A consent and how it ended: withdrawn, superseded by another version, or neither while it is live."""

    purpose: Purpose
    policy_version: str
    given_at: datetime
    withdrawn_at: datetime | None
    superseded_at: datetime | None


async def record_given(session: Session, *, user_id: uuid.UUID, purpose: Purpose, policy_version: str) -> ConsentRecord:
    """Record consent. The same version again changes nothing. Another version supersedes the live one.

    The caller holds the user's lock. Raises PolicyVersionUnknown, PolicyVersionOutdated, QuotaExceeded.
    """
    await policies.require_accepted(session, version=policy_version)
    current = await repository.find_live(session, user_id=user_id, purpose=purpose)
    if current is not None and current.policy_version == policy_version:
        return _record(current)
    await quotas.count_use(session, user_id=user_id, quota=CHANGES_QUOTA)
    at = clock.now()
    if current is not None:
        current.ended_at, current.ended_reason = at, "superseded"
        await repository.flush_changes(session)
    consent = Consent(consent_id=new_id(), user_id=user_id, purpose=purpose, policy_version=policy_version, given_at=at)
    await repository.add(session, consent)
    return _record(consent)


async def record_withdrawn(session: Session, *, user_id: uuid.UUID, purpose: Purpose) -> datetime | None:
    """Record a withdrawal and return its time, or None without a live consent. The caller holds the user's lock.

    No quota limits a withdrawal. Only consents are counted.
    """
    current = await repository.find_live(session, user_id=user_id, purpose=purpose)
    if current is None:
        return None
    at = clock.now()
    current.ended_at, current.ended_reason = at, "withdrawn"
    await repository.flush_changes(session)
    return at


async def require_consent(session: Session, *, user_id: uuid.UUID, purpose: Purpose) -> datetime | None:
    """Require a live consent. Return its start if consent was ever withdrawn before, else None.

    The start bounds `counts_from`: activities without consent never count, even for a binding created later.
    Raises ConsentRequired.
    """
    current = await repository.find_live(session, user_id=user_id, purpose=purpose)
    if current is None:
        raise ConsentRequired(purpose=PURPOSES[purpose.value])
    if await repository.was_ever_withdrawn(session, user_id=user_id, purpose=purpose):
        return current.given_at
    return None


async def require_given_since(session: Session, *, user_id: uuid.UUID, purpose: Purpose) -> datetime:
    """Require a live consent and return when it was given. Raises ConsentRequired."""
    current = await repository.find_live(session, user_id=user_id, purpose=purpose)
    if current is None:
        raise ConsentRequired(purpose=PURPOSES[purpose.value])
    return current.given_at


async def has_consent(session: Session, *, user_id: uuid.UUID, purpose: Purpose) -> bool:
    return await repository.find_live(session, user_id=user_id, purpose=purpose) is not None


async def list_history(session: Session, *, user_id: uuid.UUID) -> Sequence[ConsentRecord]:
    """List consents, newest first, at most HISTORY_ROWS_MAX."""
    rows = await repository.list_newest(session, user_id=user_id, at_most=HISTORY_ROWS_MAX)
    return [_record(row) for row in rows]


def _record(row: Consent) -> ConsentRecord:
    return ConsentRecord(
        purpose=Purpose(row.purpose),
        policy_version=row.policy_version,
        given_at=row.given_at,
        withdrawn_at=row.ended_at if row.ended_reason == "withdrawn" else None,
        superseded_at=row.ended_at if row.ended_reason == "superseded" else None,
    )
