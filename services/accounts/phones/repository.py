import uuid
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.phones.models import Phone


async def find_phone(session: AsyncSession, *, user_id: uuid.UUID) -> Phone | None:
    return await session.scalar(select(Phone).where(Phone.user_id == user_id))


async def delete_phone(session: AsyncSession, *, user_id: uuid.UUID) -> None:
    await session.execute(delete(Phone).where(Phone.user_id == user_id))


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
