import uuid
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.users.models import User


async def upsert(
    session: AsyncSession, *, user_id: uuid.UUID, openid_hash: bytes, openid_sealed: bytes, at: datetime
) -> uuid.UUID:
    """Return the id of the user with this open id, created if missing. Two concurrent first log-ins get the same id."""
    statement = insert(User).values(
        user_id=user_id, openid_hash=openid_hash, openid_sealed=openid_sealed, created_at=at, last_login_at=at
    )
    statement = statement.on_conflict_do_update(index_elements=[User.openid_hash], set_={"last_login_at": at})
    return (await session.execute(statement.returning(User.user_id))).scalar_one()


async def find_by_hash(session: AsyncSession, *, openid_hash: bytes) -> uuid.UUID | None:
    return await session.scalar(select(User.user_id).where(User.openid_hash == openid_hash))


async def lock_user(session: AsyncSession, *, user_id: uuid.UUID) -> User | None:
    return await session.scalar(select(User).where(User.user_id == user_id).with_for_update())


async def find_user(session: AsyncSession, *, user_id: uuid.UUID) -> User | None:
    return await session.get(User, user_id)


async def add_user(session: AsyncSession, row: User) -> None:
    session.add(row)
    await session.flush()


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()
