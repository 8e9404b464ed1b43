"""SQL of what-if runs."""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.judging.domain import CapUsed
from services.accounting.judging.subjects import CapKey
from services.accounting.what_if.domain import Difference
from services.accounting.what_if.models import what_if_person, what_if_run, what_if_usage

_QUANTILES = {"p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9}


async def add(session: AsyncSession, values: Mapping[str, Any]) -> Any:
    return (await session.execute(insert(what_if_run).values(**values).returning(what_if_run))).one()


async def run(session: AsyncSession, run_id: uuid.UUID) -> Any:
    return (await session.execute(select(what_if_run).where(what_if_run.c.run_id == run_id))).one_or_none()


async def running(session: AsyncSession) -> int:
    query = select(func.count()).where(what_if_run.c.status == "running")
    return int(await session.scalar(query) or 0)


async def next_run(session: AsyncSession) -> Any:
    """Return the oldest unfinished run, locked. Runs of other workers are skipped."""
    query = (
        select(what_if_run)
        .where(what_if_run.c.status == "running")
        .order_by(what_if_run.c.run_id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await session.execute(query)).one_or_none()


async def add_batch(session: AsyncSession, run_id: uuid.UUID, found: Difference, *, last_account_id: uuid.UUID) -> None:
    table = what_if_run.c
    await session.execute(
        update(what_if_run)
        .where(table.run_id == run_id)
        .values(
            last_account_id=last_account_id,
            people=table.people + len(found.people),
            acts=table.acts + found.acts,
            before_acts=table.before_acts + found.before_acts,
            after_acts=table.after_acts + found.after_acts,
            before_mg=table.before_mg + found.before_mg,
            after_mg=table.after_mg + found.after_mg,
        )
    )
    rows = [{"run_id": run_id, "account_id": key, "change_mg": change} for key, change in found.people.items()]
    if rows:
        await session.execute(insert(what_if_person), rows)


async def usage_of(
    session: AsyncSession, run_id: uuid.UUID, subject_ids: Collection[uuid.UUID]
) -> dict[CapKey, CapUsed]:
    table = what_if_usage.c
    rows = await session.execute(
        select(table.subject_id, table.cap_id, table.period_start, table.acts, table.amount_mg).where(
            table.run_id == run_id, table.subject_id == func.any(list(subject_ids))
        )
    )
    return {CapKey(row[0], row[1], row[2]): CapUsed(row[3], row[4]) for row in rows}


async def add_usage(session: AsyncSession, run_id: uuid.UUID, usage: Mapping[CapKey, CapUsed]) -> None:
    if not usage:
        return
    rows = [{"run_id": run_id, **key._asdict(), **used._asdict()} for key, used in usage.items()]
    statement = upsert(what_if_usage).values(rows)
    new, table = statement.excluded, what_if_usage.c
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=list(what_if_usage.primary_key),
            set_={"acts": table.acts + new.acts, "amount_mg": table.amount_mg + new.amount_mg},
        )
    )


async def finish(session: AsyncSession, run_id: uuid.UUID) -> None:
    """Store the totals and quantiles of all changes, then delete the changes of people."""
    table = what_if_person.c
    mine = table.run_id == run_id
    change = table.change_mg
    quantiles = [func.percentile_disc(share).within_group(change).label(name) for name, share in _QUANTILES.items()]
    query = select(
        func.count().filter(change > 0).label("gainers"),
        func.count().filter(change < 0).label("losers"),
        func.count().filter(change == 0).label("unchanged"),
        func.coalesce(func.sum(change).filter(change > 0), 0).label("gained_mg"),
        func.coalesce(func.sum(-change).filter(change < 0), 0).label("lost_mg"),
        func.min(change).label("min"),
        *quantiles,
        func.max(change).label("max"),
    ).where(mine)
    row = (await session.execute(query)).mappings().one()
    counts = {name: int(row[name]) for name in ("gainers", "losers", "unchanged", "gained_mg", "lost_mg")}
    spread = {**counts, "change_mg": {name: row[name] for name in ("min", *_QUANTILES, "max")}}
    await _end(session, run_id, status="finished", spread=spread, error=None)
    await _forget(session, run_id)


async def fail(session: AsyncSession, run_id: uuid.UUID, error: str) -> None:
    await _end(session, run_id, status="failed", spread=None, error=error)
    await _forget(session, run_id)


async def _forget(session: AsyncSession, run_id: uuid.UUID) -> None:
    for table in (what_if_person, what_if_usage):
        await session.execute(delete(table).where(table.c.run_id == run_id))


async def _end(session: AsyncSession, run_id: uuid.UUID, **values: Any) -> None:
    await session.execute(
        update(what_if_run).where(what_if_run.c.run_id == run_id).values(finished_at=func.now(), **values)
    )
