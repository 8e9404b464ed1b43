"""SQL of budgets. The CHECKs of the table enforce the limits."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Text, any_, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.budgets.models import budget


async def insert_missing(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(budget).values(**values).on_conflict_do_nothing())


async def lock_left(session: AsyncSession, budget_ids: Collection[str]) -> dict[str, int]:
    """Lock budgets by id. Return the fen that are neither reserved nor spent."""
    left = (budget.c.limit_fen - budget.c.reserved_fen - budget.c.spent_fen).label("left")
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


async def all_budgets(session: AsyncSession, limit: int) -> Sequence[Any]:
    return (await session.execute(select(budget).order_by(budget.c.budget_id).limit(limit))).all()
