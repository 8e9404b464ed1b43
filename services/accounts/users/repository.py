import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
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


async def find_by_hash(session: AsyncSession, *, hashes: Sequence[bytes]) -> uuid.UUID | None:
    return await session.scalar(select(User.user_id).where(User.openid_hash.in_(hashes)))


async def record_log_in(session: AsyncSession, *, hashes: Sequence[bytes], at: datetime) -> uuid.UUID | None:
    """Record a log-in of the user with one of these hashes. None if there is none. Locks the user's row."""
    statement = update(User).where(User.openid_hash.in_(hashes)).values(last_login_at=at).returning(User.user_id)
    return (await session.execute(statement.execution_options(synchronize_session=False))).scalar_one_or_none()


async def newest(session: AsyncSession) -> User | None:
    """Return the newest user with an open id."""
    statement = select(User).where(User.openid_hash.is_not(None)).order_by(User.user_id.desc()).limit(1)
    return await session.scalar(statement)


async def lock_some_after(
    session: AsyncSession, *, after: uuid.UUID | None, at_most: int, not_sealed_by: int | None = None
) -> tuple[Sequence[uuid.UUID], Sequence[User]]:
    """Return the next ids, and of their users those whose rows nobody else holds. Waits for no row."""
    ids = select(User.user_id).order_by(User.user_id).limit(at_most)
    if after is not None:
        ids = ids.where(User.user_id > after)
    if not_sealed_by is not None:
        ids = ids.where(func.get_byte(User.openid_sealed, 0) != not_sealed_by)
    wanted = (await session.scalars(ids)).all()
    rows = select(User).where(User.user_id.in_(wanted)).order_by(User.user_id).with_for_update(skip_locked=True)
    return wanted, (await session.scalars(rows.execution_options(populate_existing=True))).all()


async def count(session: AsyncSession, *, not_sealed_by: int | None = None) -> int:
    statement = select(func.count()).select_from(User)
    if not_sealed_by is not None:
        statement = statement.where(func.get_byte(User.openid_sealed, 0) != not_sealed_by)
    return await session.scalar(statement) or 0


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()


async def lock_user(session: AsyncSession, *, user_id: uuid.UUID) -> User | None:
    # FOR NO KEY UPDATE: rows that refer to this user may be added meanwhile. With FOR UPDATE, the inviter of a person
    # to an enterprise and this person, who waits for the same enterprise, would wait for each other.
    return await session.scalar(select(User).where(User.user_id == user_id).with_for_update(key_share=True))


async def try_lock_user(session: AsyncSession, *, user_id: uuid.UUID) -> User | None:
    return await session.scalar(select(User).where(User.user_id == user_id).with_for_update(skip_locked=True))


async def find_user(session: AsyncSession, *, user_id: uuid.UUID) -> User | None:
    return await session.get(User, user_id)


async def add_user(session: AsyncSession, row: User) -> None:
    session.add(row)
    await session.flush()
