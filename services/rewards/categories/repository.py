"""SQL of categories."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.categories.models import category


async def lock(session: AsyncSession) -> None:
    """Let one change of the categories happen after the other, so that their number stays bounded."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("rewards.category"))))


async def listed(session: AsyncSession, limit: int) -> Sequence[Any]:
    query = select(category).order_by(category.c.position, category.c.category_id).limit(limit)
    return (await session.execute(query)).all()


async def find(session: AsyncSession, category_id: str) -> Any | None:
    return (await session.execute(select(category).where(category.c.category_id == category_id))).one_or_none()


async def count(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.count()).select_from(category)) or 0)


async def insert_missing(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(category).values(**values).on_conflict_do_nothing())


async def save(session: AsyncSession, category_id: str, **values: Any) -> None:
    statement = insert(category).values(category_id=category_id, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=[category.c.category_id], set_=values))
