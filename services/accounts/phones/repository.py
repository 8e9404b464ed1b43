import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.phones.models import Phone


async def find_phone(session: AsyncSession, *, user_id: uuid.UUID) -> Phone | None:
    return await session.scalar(select(Phone).where(Phone.user_id == user_id))


async def delete_phone(session: AsyncSession, *, user_id: uuid.UUID) -> None:
    await session.execute(delete(Phone).where(Phone.user_id == user_id))


async def is_taken(session: AsyncSession, *, hashes: Sequence[bytes], user_id: uuid.UUID) -> bool:
    """Whether another person has a number with one of these hashes."""
    statement = select(Phone.user_id).where(Phone.phone_hash.in_(hashes), Phone.user_id != user_id).limit(1)
    return await session.scalar(statement) is not None


async def lock_some_after(
    session: AsyncSession, *, after: uuid.UUID | None, at_most: int, not_sealed_by: int | None = None
) -> tuple[Sequence[uuid.UUID], Sequence[Phone]]:
    """Return the next ids, and of their rows those that nobody else holds. Waits for no row."""
    ids = select(Phone.user_id).order_by(Phone.user_id).limit(at_most)
    if after is not None:
        ids = ids.where(Phone.user_id > after)
    if not_sealed_by is not None:
        ids = ids.where(func.get_byte(Phone.phone_sealed, 0) != not_sealed_by)
    wanted = (await session.scalars(ids)).all()
    rows = select(Phone).where(Phone.user_id.in_(wanted)).order_by(Phone.user_id).with_for_update(skip_locked=True)
    return wanted, (await session.scalars(rows.execution_options(populate_existing=True))).all()


async def count(session: AsyncSession, *, not_sealed_by: int | None = None) -> int:
    statement = select(func.count()).select_from(Phone)
    if not_sealed_by is not None:
        statement = statement.where(func.get_byte(Phone.phone_sealed, 0) != not_sealed_by)
    return await session.scalar(statement) or 0


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()


async def try_insert(
    session: AsyncSession, *, user_id: uuid.UUID, phone_hash: bytes, phone_sealed: bytes, at: datetime
) -> bool:
    """Return False when another person has the number, also when a concurrent transaction has just stored it."""
    statement = (
        insert(Phone)
        .values(user_id=user_id, phone_hash=phone_hash, phone_sealed=phone_sealed, verified_at=at)
        .on_conflict_do_nothing()
        .returning(Phone.user_id)
    )
    return (await session.execute(statement)).first() is not None
