"""SQL of budgets. Every change is one conditional statement; the CHECKs of the table enforce the same limits."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.budgets.models import budget


async def insert_missing(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(budget).values(**values).on_conflict_do_nothing())


async def reserve(session: AsyncSession, budget_id: str, amount_fen: int) -> bool:
    found = await session.execute(
        update(budget)
        .where(
            budget.c.budget_id == budget_id,
            budget.c.reserved_fen + budget.c.spent_fen + amount_fen <= budget.c.limit_fen,
        )
        .values(reserved_fen=budget.c.reserved_fen + amount_fen)
        .returning(budget.c.budget_id)
    )
    return found.first() is not None


async def spend_reserved(session: AsyncSession, budget_id: str, amount_fen: int) -> None:
    await session.execute(
        update(budget)
        .where(budget.c.budget_id == budget_id)
        .values(reserved_fen=budget.c.reserved_fen - amount_fen, spent_fen=budget.c.spent_fen + amount_fen)
    )


async def return_reserved(session: AsyncSession, budget_id: str, amount_fen: int) -> None:
    await session.execute(
        update(budget).where(budget.c.budget_id == budget_id).values(reserved_fen=budget.c.reserved_fen - amount_fen)
    )


async def by_ids(session: AsyncSession, budget_ids: Sequence[str]) -> Sequence[Any]:
    return (await session.execute(select(budget).where(budget.c.budget_id.in_(budget_ids)))).all()


async def all_budgets(session: AsyncSession, limit: int) -> Sequence[Any]:
    return (await session.execute(select(budget).order_by(budget.c.budget_id).limit(limit))).all()
