"""SQL of reconciliation."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.reconciliation.domain import Difference
from services.rewards.reconciliation.models import (
    reconciliation_difference,
    reconciliation_run,
    reconciliation_total,
)

FIRST_ID: Final = uuid.UUID(int=0)
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtextextended('rewards.reconciliation', 0))")


async def database_now(session: AsyncSession) -> datetime:
    moment: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return moment


async def insert_run(session: AsyncSession, *, run_id: uuid.UUID, requested_by: str, night: date | None) -> bool:
    """Insert a run. False if one is open, or if the night has had its run."""
    await session.execute(_LOCK)
    if await open_run(session) is not None:
        return False
    inserted = await session.execute(
        insert(reconciliation_run)
        .values(run_id=run_id, requested_by=requested_by, night=night, position=FIRST_ID)
        .on_conflict_do_nothing()
        .returning(reconciliation_run.c.run_id)
    )
    return inserted.first() is not None


async def open_run(session: AsyncSession) -> Any | None:
    query = select(reconciliation_run).where(reconciliation_run.c.finished_at.is_(None)).limit(1)
    return (await session.execute(query)).one_or_none()


async def has_night(session: AsyncSession, night: date) -> bool:
    query = select(reconciliation_run.c.run_id).where(reconciliation_run.c.night == night)
    return (await session.execute(query)).first() is not None


async def run_of(session: AsyncSession, run_id: uuid.UUID) -> Any | None:
    query = select(reconciliation_run).where(reconciliation_run.c.run_id == run_id)
    return (await session.execute(query)).one_or_none()


async def list_runs(session: AsyncSession, *, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    """Return runs, newest first."""
    query = select(reconciliation_run).order_by(reconciliation_run.c.run_id.desc()).limit(limit)
    if before is not None:
        query = query.where(reconciliation_run.c.run_id < before)
    return (await session.execute(query)).all()


async def last_finished(session: AsyncSession) -> Any | None:
    table = reconciliation_run
    query = select(table).where(table.c.finished_at.is_not(None)).order_by(table.c.run_id.desc()).limit(1)
    return (await session.execute(query)).one_or_none()


async def advance(
    session: AsyncSession,
    run_id: uuid.UUID,
    *,
    expected: uuid.UUID,
    position: uuid.UUID,
    is_last: bool,
    compared: int,
    in_flight: int,
    differing: int,
) -> bool:
    """Move the position of a run. False if another worker has moved it."""
    table = reconciliation_run
    moved = await session.execute(
        update(table)
        .where(table.c.run_id == run_id, table.c.position == expected, table.c.finished_at.is_(None))
        .values(
            position=position,
            compared=table.c.compared + compared,
            in_flight=table.c.in_flight + in_flight,
            differing=table.c.differing + differing,
            finished_at=func.clock_timestamp() if is_last else None,
            last_error=None,
        )
        .returning(table.c.run_id)
    )
    return moved.first() is not None


async def note_error(session: AsyncSession, run_id: uuid.UUID, error: str) -> None:
    await session.execute(
        update(reconciliation_run).where(reconciliation_run.c.run_id == run_id).values(last_error=error[:200])
    )


async def add_totals(session: AsyncSession, run_id: uuid.UUID, totals: Mapping[str, Sequence[int]]) -> None:
    """`totals` by receiver: confirmed, confirmed_mg, captured, captured_mg."""
    names = ("confirmed", "confirmed_mg", "captured", "captured_mg")
    new = insert(reconciliation_total).values(
        [
            {"run_id": run_id, "receiver": receiver, **dict(zip(names, totals[receiver], strict=True))}
            for receiver in sorted(totals)
        ]
    )
    await session.execute(
        new.on_conflict_do_update(
            index_elements=[reconciliation_total.c.run_id, reconciliation_total.c.receiver],
            set_={name: reconciliation_total.c[name] + new.excluded[name] for name in names},
        )
    )


async def totals_of(session: AsyncSession, run_id: uuid.UUID) -> Sequence[Any]:
    table = reconciliation_total
    query = select(table).where(table.c.run_id == run_id).order_by(table.c.receiver)
    return (await session.execute(query)).all()


async def add_differences(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    await session.execute(insert(reconciliation_difference).values(list(rows)))


async def count_differences(session: AsyncSession, run_id: uuid.UUID) -> dict[str, int]:
    """Count the differences of a run without those whose capture was repeated."""
    table = reconciliation_difference
    query = (
        select(table.c.difference, func.count())
        .where(table.c.run_id == run_id, table.c.result.is_distinct_from("captured"))
        .group_by(table.c.difference)
    )
    return {name: int(count) for name, count in (await session.execute(query)).all()}


async def list_differences(
    session: AsyncSession, run_id: uuid.UUID, *, difference: str | None, after: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    table = reconciliation_difference
    query = select(table).where(table.c.run_id == run_id).order_by(table.c.settlement_id).limit(limit)
    if difference is not None:
        query = query.where(table.c.difference == difference)
    if after is not None:
        query = query.where(table.c.settlement_id > after)
    return (await session.execute(query)).all()


def _missing(run_id: uuid.UUID) -> Any:
    table = reconciliation_difference
    return (table.c.run_id == run_id) & (table.c.difference == Difference.CAPTURE_MISSING) & (table.c.result.is_(None))


async def missing_captures(session: AsyncSession, run_id: uuid.UUID) -> tuple[int, int]:
    """Return number and milligrams of the missing captures that were not repeated yet."""
    query = select(func.count(), func.coalesce(func.sum(reconciliation_difference.c.amount_mg), 0))
    found = (await session.execute(query.where(_missing(run_id)))).one()
    return int(found[0]), int(found[1])


async def allow_captures(session: AsyncSession, run_id: uuid.UUID, proposal: str) -> None:
    await session.execute(
        update(reconciliation_run).where(reconciliation_run.c.run_id == run_id).values(capture_again=proposal)
    )


async def list_missing(session: AsyncSession, *, limit: int) -> Sequence[Any]:
    """Return (run_id, settlement_id, kind) of missing captures that two people let be repeated."""
    table, runs = reconciliation_difference, reconciliation_run
    query = (
        select(table.c.run_id, table.c.settlement_id, table.c.kind)
        .join(runs, runs.c.run_id == table.c.run_id)
        .where(
            runs.c.capture_again.is_not(None),
            table.c.difference == Difference.CAPTURE_MISSING,
            table.c.result.is_(None),
        )
        .order_by(table.c.run_id, table.c.settlement_id)
        .limit(limit)
    )
    return (await session.execute(query)).all()


async def set_result(session: AsyncSession, run_id: uuid.UUID, settlement_id: uuid.UUID, result: str) -> None:
    table = reconciliation_difference
    await session.execute(
        update(table)
        .where(table.c.run_id == run_id, table.c.settlement_id == settlement_id, table.c.result.is_(None))
        .values(result=result, result_at=func.clock_timestamp())
    )


async def delete_before(session: AsyncSession, age: timedelta, limit: int) -> None:
    """Delete old runs with their sums and differences."""
    table = reconciliation_run
    old = select(table.c.run_id).where(table.c.finished_at < func.now() - age).order_by(table.c.run_id).limit(limit)
    await session.execute(delete(table).where(table.c.run_id.in_(old.scalar_subquery())))
