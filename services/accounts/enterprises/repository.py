import uuid
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.enterprises.domain import HOLDING, EnterpriseState
from services.accounts.enterprises.models import Enterprise


async def try_add(session: AsyncSession, values: dict[str, Any]) -> Enterprise | None:
    """Return None when another enterprise holds the code, also one of a concurrent transaction."""
    statement = insert(Enterprise).values(**values).on_conflict_do_nothing().returning(Enterprise)
    return await session.scalar(statement)


async def find_holder(session: AsyncSession, *, uscc: str) -> Enterprise | None:
    statement = select(Enterprise).where(Enterprise.uscc == uscc, Enterprise.status.in_(HOLDING))
    return await session.scalar(statement)


async def find(session: AsyncSession, *, enterprise_id: uuid.UUID) -> Enterprise | None:
    return await session.get(Enterprise, enterprise_id)


async def find_many(session: AsyncSession, *, enterprise_ids: Collection[uuid.UUID]) -> Sequence[Enterprise]:
    statement = select(Enterprise).where(Enterprise.enterprise_id.in_(enterprise_ids))
    return (await session.scalars(statement)).all()


async def lock(session: AsyncSession, *, enterprise_id: uuid.UUID) -> Enterprise | None:
    """Lock the row and read it anew: a copy that this session read before may be outdated."""
    statement = select(Enterprise).where(Enterprise.enterprise_id == enterprise_id).with_for_update()
    return await session.scalar(statement.execution_options(populate_existing=True))


async def lock_shared(session: AsyncSession, *, enterprise_id: uuid.UUID) -> Enterprise | None:
    statement = select(Enterprise).where(Enterprise.enterprise_id == enterprise_id).with_for_update(read=True)
    return await session.scalar(statement.execution_options(populate_existing=True))


async def list_newest(
    session: AsyncSession, *, status: EnterpriseState | None, before: uuid.UUID | None, limit: int
) -> Sequence[Enterprise]:
    statement = select(Enterprise).order_by(Enterprise.enterprise_id.desc()).limit(limit)
    if status is not None:
        statement = statement.where(Enterprise.status == status)
    if before is not None:
        statement = statement.where(Enterprise.enterprise_id < before)
    return (await session.scalars(statement)).all()


async def list_applied_by(session: AsyncSession, *, user_id: uuid.UUID, limit: int) -> Sequence[Enterprise]:
    statement = select(Enterprise).where(Enterprise.applied_by == user_id).order_by(Enterprise.enterprise_id.desc())
    return (await session.scalars(statement.limit(limit))).all()


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()
