"""SQL that reads activities and tallies. The posting path does not use it."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import Date, DateTime, Executable, Text, Uuid, and_, bindparam, cast, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.posting.models import activity as activity_table
from services.accounting.posting.models import intake_tally, mended_report
from shared.db import Database

_EARNING = ("credited", "pending")
_SUMMARY_ROWS_MAX = 1000
_LISTED = (
    "activity_id", "account_id", "status", "reason_code", "scene", "occurred_at", "amount_mg", "methodology_code",
    "methodology_version",
)  # fmt: skip


async def activities(
    database: Database,
    account_id: uuid.UUID,
    *,
    scene: str | None,
    status: str | None,
    before: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> Sequence[Any]:
    """Return the columns that a list shows, newest first. The judgement is text."""
    values: dict[str, object] = {"account_id": account_id, "rows": limit}
    if scene:
        values["scene"] = scene
    if status:
        values["status"] = status
    if before:
        values |= {"occurred_at": before[0], "activity_id": before[1]}
    return await database.read_once(_activities(scene=bool(scene), status=bool(status), before=bool(before)), values)


@cache
def _activities(*, scene: bool, status: bool, before: bool) -> Executable:
    """Build a statement once: building it costs as much as running it."""
    table = activity_table.c
    query = (
        select(*(table[name] for name in _LISTED), cast(table.judgement, Text).label("judgement"))
        .where(table.account_id == bindparam("account_id"))
        .order_by(table.occurred_at.desc(), table.activity_id.desc())
        .limit(bindparam("rows"))
    )
    if scene:
        query = query.where(table.scene == bindparam("scene"))
    if status:
        query = query.where(table.status == bindparam("status"))
    if before:
        at, activity_id = (
            bindparam("occurred_at", type_=DateTime(timezone=True)),
            bindparam("activity_id", type_=Uuid()),
        )
        query = query.where(tuple_(table.occurred_at, table.activity_id) < tuple_(at, activity_id))
    return query


async def activity(session: AsyncSession, account_id: uuid.UUID, activity_id: uuid.UUID) -> Any | None:
    table = activity_table.c
    query = select(activity_table).where(table.activity_id == activity_id, table.account_id == account_id)
    return (await session.execute(query)).first()


async def mend(session: AsyncSession, activity_id: uuid.UUID) -> Any | None:
    """(proposal_id, fields), or None."""
    table = mended_report.c
    query = select(table.proposal_id, table.fields).where(table.activity_id == activity_id)
    return (await session.execute(query)).first()


async def activities_by_id(session: AsyncSession, activity_ids: Sequence[uuid.UUID]) -> Sequence[Mapping[str, Any]]:
    table = activity_table.c
    query = select(activity_table).where(table.activity_id == func.any(list(activity_ids)))
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def reported_since(session: AsyncSession, account_id: uuid.UUID, partner_id: str, since: datetime) -> int:
    """Return how many acts of the account this partner has reported since then, credited or not."""
    table = activity_table.c
    query = (
        select(func.count())
        .select_from(activity_table)
        .where(table.account_id == account_id, table.occurred_at >= since, table.partner_id == partner_id)
    )
    return int(await session.scalar(query) or 0)


async def summary(
    session: AsyncSession, account_id: uuid.UUID, *, by: str, first: date, last: date, time_zone: str
) -> Sequence[Any]:
    """Return (key, amount_mg, acts) of credited acts whose local day is in [first, last].

    `by` is day, month, year or scene.
    """
    table = activity_table.c
    local = func.timezone(time_zone, table.occurred_at)
    day = cast(local, Date)
    keys: dict[str, Any] = {
        "day": func.to_char(local, "YYYY-MM-DD"),
        "month": func.to_char(local, "YYYY-MM"),
        "year": func.to_char(local, "YYYY"),
        "scene": table.scene,
    }
    key = keys[by].label("key")
    query = (
        select(key, func.sum(table.amount_mg).label("amount_mg"), func.count().label("acts"))
        .where(table.account_id == account_id, table.status.in_(_EARNING), and_(day >= first, day <= last))
        .group_by(key)
        .order_by(key)
        .limit(_SUMMARY_ROWS_MAX)
    )
    return (await session.execute(query)).all()


async def tallies(session: AsyncSession, *, day: date | None, partner_id: str | None) -> Sequence[Any]:
    table = intake_tally.c
    query = (
        select(
            table.partner_id,
            table.status,
            table.reason_code,
            func.sum(table.events).label("events"),
            func.sum(table.amount_mg).label("amount_mg"),
        )
        .group_by(table.partner_id, table.status, table.reason_code)
        .having(func.sum(table.events) != 0)
        .order_by(table.partner_id, table.status, table.reason_code)
    )
    if day is not None:
        query = query.where(table.received_on == day)
    if partner_id is not None:
        query = query.where(table.partner_id == partner_id)
    return (await session.execute(query)).all()


async def past_people(
    session: AsyncSession, *, since: datetime, until: datetime, after: uuid.UUID | None, people: int
) -> Sequence[uuid.UUID]:
    """Return the next people, by account id, with an act that began in [since, until)."""
    table = activity_table.c
    query = (
        select(table.account_id)
        .where(table.account_id.is_not(None), table.occurred_at >= since, table.occurred_at < until)
        .group_by(table.account_id)
        .order_by(table.account_id)
        .limit(people)
    )
    if after is not None:
        query = query.where(table.account_id > after)
    return (await session.execute(query)).scalars().all()


async def past_acts(
    session: AsyncSession,
    people: Sequence[uuid.UUID],
    *,
    since: datetime,
    until: datetime,
    without: Sequence[str],
) -> Sequence[Any]:
    """Return the judged acts of people in a period, in time order.

    Reversed acts and acts refused for a reason in `without` are left out.
    """
    table = activity_table.c
    query = (
        select(
            table.activity_id,
            table.account_id,
            table.partner_id,
            table.received_at,
            table.amount_mg,
            table.act,
            table.judgement["evidence_tier"].as_string().label("evidence_tier"),
        )
        .where(
            table.account_id.in_(people),
            table.occurred_at >= since,
            table.occurred_at < until,
            table.status.in_((*_EARNING, "refused")),
            table.reason_code.not_in(without),
            table.act.is_not(None),
        )
        .order_by(table.account_id, table.occurred_at, table.activity_id)
    )
    return (await session.execute(query)).all()
