"""Stored activities and tallies, as citizens, operators, proofs and what-if runs read them."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from services.accounting.judging import reasons
from services.accounting.judging.domain import CapUsed
from services.accounting.judging.stored import from_row, to_record
from services.accounting.judging.subjects import CapKey
from services.accounting.posting import history_repository as repository
from services.accounting.posting import repository as posting_repository
from services.accounting.posting.errors import ActivityNotFound
from shared.db import Database, Session, driver

# Refusals that no methodology could have decided otherwise.
_WHATEVER_THE_METHODOLOGY = (
    reasons.NOT_YET_HAPPENED,
    reasons.TOO_LATE,
    reasons.NO_BINDING,
    reasons.BEFORE_BINDING,
    reasons.AFTER_BINDING,
    reasons.CONSENT_WITHDRAWN,
    reasons.DUPLICATE_ACT,
)


async def activities(
    database: Database,
    *,
    account_id: uuid.UUID,
    scene: str | None,
    status: str | None,
    before: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> Sequence[Any]:
    """Rows of a list, newest first; the judgement is text."""
    return await repository.activities(database, account_id, scene=scene, status=status, before=before, limit=limit)


async def activity(session: Session, *, account_id: uuid.UUID, activity_id: uuid.UUID) -> Any:
    """The stored verdict. Raises ActivityNotFound, also for another citizen's activity."""
    row = await repository.activity(session, account_id, activity_id)
    if row is None:
        raise ActivityNotFound
    return row


async def activities_by_id(session: Session, activity_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Whole rows as mappings, of those that exist."""
    return {row["activity_id"]: row for row in await repository.activities_by_id(session, activity_ids)}


def judgement_record(activity: Any) -> dict[str, Any] | None:
    """The whole judgement of a stored activity as JSON values; None where its content is gone or never was kept."""
    return None if activity.judgement is None else to_record(from_row(activity._mapping))


async def summary(
    session: Session, *, account_id: uuid.UUID, by: str, first: date, last: date, time_zone: str
) -> Sequence[Any]:
    """(key, amount_mg, acts) of credited acts whose local day lies in [first, last]; `by` day, month, year or scene."""
    return await repository.summary(session, account_id, by=by, first=first, last=last, time_zone=time_zone)


async def reported_since(session: Session, *, account_id: uuid.UUID, partner_id: str, since: datetime) -> int:
    """The number of acts of the account that this partner has reported since then, credited or not."""
    return await repository.reported_since(session, account_id, partner_id, since)


async def cap_usage_of(session: Session, keys: Sequence[CapKey]) -> dict[CapKey, CapUsed]:
    """The counters that exist."""
    return await posting_repository.cap_usage_of(await driver(session), keys) if keys else {}


async def intake_totals(session: Session, *, day: date | None, partner_id: str | None) -> Sequence[Any]:
    """Verdicts counted by partner, status and reason."""
    return await repository.tallies(session, day=day, partner_id=partner_id)


async def past_acts(
    session: Session, *, since: datetime, until: datetime, after: uuid.UUID | None, people: int
) -> tuple[Sequence[uuid.UUID], Sequence[Any]]:
    """The next `people` by account id, and all their acts in [since, until) whose worth a methodology decides.

    Left out: acts that were taken back, and those that no methodology would have counted (late, unbound, a duplicate).
    """
    found = await repository.past_people(session, since=since, until=until, after=after, people=people)
    if not found:
        return (), ()
    acts = await repository.past_acts(session, found, since=since, until=until, without=_WHATEVER_THE_METHODOLOGY)
    return found, acts
