"""Use cases that read stored activities and tallies: for citizens, operators, proofs and what-if runs."""

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

# Refusals for reasons that do not depend on the methodology.
_REFUSED_BY_ANY_METHODOLOGY = (
    reasons.NOT_YET_HAPPENED,
    reasons.TOO_LATE,
    reasons.NO_BINDING,
    reasons.BEFORE_BINDING,
    reasons.AFTER_BINDING,
    reasons.CONSENT_WITHDRAWN,
    reasons.DUPLICATE_ACT,
    reasons.COUNTED_ELSEWHERE,
    reasons.VEHICLE_COUNTED,
    reasons.METER_COUNTED,
)


async def list_activities(
    database: Database,
    *,
    account_id: uuid.UUID,
    scene: str | None,
    status: str | None,
    before: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> Sequence[Any]:
    """Return rows of a list, newest first. The judgement is text."""
    return await repository.activities(database, account_id, scene=scene, status=status, before=before, limit=limit)


async def get_activity(session: Session, *, account_id: uuid.UUID, activity_id: uuid.UUID) -> Any:
    """Return the stored activity. Raises ActivityNotFound, also for an activity of another citizen."""
    row = await repository.activity(session, account_id, activity_id)
    if row is None:
        raise ActivityNotFound
    return row


async def find_mend(session: Session, *, activity_id: uuid.UUID) -> Any | None:
    """Return (proposal_id, fields) if two operators mended the event's record before it could be read, else None."""
    return await repository.mend(session, activity_id)


async def get_activities(session: Session, activity_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Return the existing activities by id, as mappings of all columns."""
    return {row["activity_id"]: row for row in await repository.activities_by_id(session, activity_ids)}


def judgement_record(activity: Any) -> dict[str, Any] | None:
    """Return the judgement of a stored activity as JSON values, None if it was dropped or never stored."""
    return None if activity.judgement is None else to_record(from_row(activity._mapping))


async def summarise_activities(
    session: Session, *, account_id: uuid.UUID, by: str, first: date, last: date, time_zone: str
) -> Sequence[Any]:
    """Return (key, amount_mg, acts) of credited acts whose local day is in [first, last].

    `by` is day, month, year or scene.
    """
    return await repository.summary(session, account_id, by=by, first=first, last=last, time_zone=time_zone)


async def count_reported_since(session: Session, *, account_id: uuid.UUID, partner_id: str, since: datetime) -> int:
    """Return how many acts of the account this partner has reported since then, credited or not."""
    return await repository.reported_since(session, account_id, partner_id, since)


async def cap_usage_of(session: Session, keys: Sequence[CapKey]) -> dict[CapKey, CapUsed]:
    """Return the usage of the counters that exist."""
    return await posting_repository.cap_usage_of(await driver(session), keys) if keys else {}


async def intake_totals(session: Session, *, day: date | None, partner_id: str | None) -> Sequence[Any]:
    """Return the number of verdicts by partner, status and reason."""
    return await repository.tallies(session, day=day, partner_id=partner_id)


async def next_past_acts(
    session: Session, *, since: datetime, until: datetime, after: uuid.UUID | None, people: int
) -> tuple[Sequence[uuid.UUID], Sequence[Any]]:
    """Return the next `people` by account id, and all their acts in [since, until) that a methodology decided.

    Left out are acts that were taken back, and acts that no methodology would have counted (late, unbound, duplicate).
    """
    found = await repository.past_people(session, since=since, until=until, after=after, people=people)
    if not found:
        return (), ()
    acts = await repository.past_acts(session, found, since=since, until=until, without=_REFUSED_BY_ANY_METHODOLOGY)
    return found, acts
