"""SQL of budgets. The CHECKs of the table enforce the limits."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, any_, case, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.budgets.domain import ALARM_PERCENT
from services.rewards.budgets.models import budget

_USED = budget.c.reserved_fen + budget.c.spent_fen
_IS_LOW: ColumnElement[bool] = (budget.c.limit_fen * ALARM_PERCENT <= _USED * 100) & budget.c.closed_at.is_(None)


async def insert_missing(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(budget).values(**values).on_conflict_do_nothing())


async def lock_left(session: AsyncSession, budget_ids: Collection[str]) -> dict[str, int]:
    """Lock budgets by id. Return the fen that are neither reserved nor spent, 0 for a closed one."""
    left = case((budget.c.closed_at.is_(None), budget.c.limit_fen - _USED), else_=0).label("left")
    rows = await session.execute(
        select(budget.c.budget_id, left)
        .where(budget.c.budget_id == any_(literal(sorted(budget_ids), ARRAY(Text))))
        .order_by(budget.c.budget_id)
        .with_for_update()
    )
    return {row.budget_id: row.left for row in rows}


async def add(session: AsyncSession, changes: Mapping[str, tuple[int, int]]) -> None:
    """Add (reserved, spent) fen to budgets, one after another by id. The CHECKs of the table hold the limits."""
    for budget_id in sorted(changes):
        reserved_fen, spent_fen = changes[budget_id]
        await session.execute(
            update(budget)
            .where(budget.c.budget_id == budget_id)
            .values(reserved_fen=budget.c.reserved_fen + reserved_fen, spent_fen=budget.c.spent_fen + spent_fen)
        )


async def by_ids(session: AsyncSession, budget_ids: Sequence[str]) -> Sequence[Any]:
    among = budget.c.budget_id == any_(literal(list(budget_ids), ARRAY(Text)))
    return (await session.execute(select(budget).where(among))).all()


async def of_sponsors(session: AsyncSession, sponsor_ids: Collection[str], limit: int) -> Sequence[Any]:
    """Return the budgets of sponsors, the newest last."""
    among = budget.c.sponsor_id == any_(literal(sorted(sponsor_ids), ARRAY(Text)))
    query = select(budget).where(among).order_by(budget.c.created_at, budget.c.budget_id)
    return (await session.execute(query.limit(limit))).all()


async def all_budgets(session: AsyncSession, limit: int) -> Sequence[Any]:
    return (await session.execute(select(budget).order_by(budget.c.budget_id).limit(limit))).all()


async def find(session: AsyncSession, budget_id: str) -> Any | None:
    return (await session.execute(select(budget).where(budget.c.budget_id == budget_id))).one_or_none()


async def count(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.count()).select_from(budget)) or 0)


async def page(session: AsyncSession, *, alarmed: bool | None, after: str | None, limit: int) -> Sequence[Any]:
    query = select(budget).order_by(budget.c.budget_id).limit(limit)
    if alarmed is not None:
        query = query.where(_IS_LOW if alarmed else ~_IS_LOW)
    if after is not None:
        query = query.where(budget.c.budget_id > after)
    return (await session.execute(query)).all()


async def raise_limit(session: AsyncSession, budget_id: str, limit_fen: int) -> None:
    await session.execute(update(budget).where(budget.c.budget_id == budget_id).values(limit_fen=limit_fen))


async def close(session: AsyncSession, budget_id: str) -> None:
    await session.execute(
        update(budget).where(budget.c.budget_id == budget_id).values(closed_at=func.clock_timestamp(), alarmed_at=None)
    )


async def note_alarms(session: AsyncSession) -> Sequence[Any]:
    """Note which budgets are nearly used up, and forget it where more money came. Return the new ones."""
    await session.execute(update(budget).where(budget.c.alarmed_at.is_not(None), ~_IS_LOW).values(alarmed_at=None))
    new = (
        update(budget)
        .where(budget.c.alarmed_at.is_(None), _IS_LOW)
        .values(alarmed_at=func.clock_timestamp())
        .returning(budget.c.budget_id, budget.c.limit_fen, _USED.label("used_fen"))
    )
    return (await session.execute(new)).all()
