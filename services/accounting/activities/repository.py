"""SQL of activities outside the posting path: the bindings' projection and everything that is read."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, and_, cast, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.activities.models import activity as activity_table
from services.accounting.activities.models import binding, intake_tally
from services.accounting.activities.models import cap_usage as cap_usage_table
from services.accounting.activities.subjects import CapKey
from shared.contracts.bindings_v1 import BindingChanged

_EARNING = ("credited", "pending")
_SUMMARY_ROWS_MAX = 1000


async def upsert_bindings(session: AsyncSession, changes: Sequence[BindingChanged]) -> None:
    statement = insert(binding).values(
        [
            {
                "binding_id": change.binding_id,
                "version": change.version,
                "partner_id": change.partner_id,
                "account_key": change.account_key,
                "account_id": change.account_id,
                "status": change.status,
                "counts_from": change.counts_from,
                "ended_at": change.ended_at,
                "consent_withdrawn_at": change.consent_withdrawn_at,
            }
            for change in sorted(changes, key=lambda c: c.binding_id)
        ]
    )
    new = statement.excluded
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[binding.c.binding_id],
            set_={
                name: new[name]
                for name in ("version", "status", "counts_from", "ended_at", "consent_withdrawn_at", "account_id")
            },
            where=binding.c.version < new.version,
        )
    )


async def activities(
    session: AsyncSession,
    account_id: uuid.UUID,
    *,
    scene: str | None,
    status: str | None,
    before: tuple[datetime, uuid.UUID] | None,
    limit: int,
) -> Sequence[Any]:
    table = activity_table.c
    query = (
        select(activity_table)
        .where(table.account_id == account_id)
        .order_by(table.occurred_at.desc(), table.activity_id.desc())
        .limit(limit)
    )
    if scene:
        query = query.where(table.scene == scene)
    if status:
        query = query.where(table.status == status)
    if before:
        query = query.where(
            tuple_(table.occurred_at, table.activity_id) < tuple_(literal(before[0]), literal(before[1]))
        )
    return (await session.execute(query)).all()


async def activity(session: AsyncSession, account_id: uuid.UUID, activity_id: uuid.UUID) -> Any | None:
    table = activity_table.c
    query = select(activity_table).where(table.activity_id == activity_id, table.account_id == account_id)
    return (await session.execute(query)).first()


async def reported_since(session: AsyncSession, account_id: uuid.UUID, partner_id: str, since: datetime) -> int:
    """How many acts of the account this partner has reported since then, whatever became of them."""
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
    """(key, amount_mg, acts) of credited acts whose local day lies in [first, last]; `by` day, month, year or scene."""
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


async def cap_usage(session: AsyncSession, keys: Sequence[CapKey]) -> dict[CapKey, tuple[int, int]]:
    """(acts, milligrams) used, of those counters that exist."""
    if not keys:
        return {}
    table = cap_usage_table.c
    rows = await session.execute(
        select(table.account_id, table.cap_id, table.period_start, table.acts, table.amount_mg).where(
            tuple_(table.account_id, table.cap_id, table.period_start).in_([tuple(key) for key in keys])
        )
    )
    return {CapKey(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}


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
    """The next people, by account id, with an act that began in [since, until)."""
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
    """Their judged acts of the period in order of time, except reversed ones and those refused for `without`."""
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
