"""SQL of data keys."""

import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.person_keys.models import PersonKey


async def add_if_missing(session: AsyncSession, *, user_id: uuid.UUID, key_sealed: bytes, at: datetime) -> None:
    statement = insert(PersonKey).values(user_id=user_id, key_sealed=key_sealed, created_at=at)
    await session.execute(statement.on_conflict_do_nothing())


async def find(session: AsyncSession, *, user_id: uuid.UUID) -> bytes | None:
    return await session.scalar(select(PersonKey.key_sealed).where(PersonKey.user_id == user_id))
