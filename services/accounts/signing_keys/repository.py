from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.signing_keys.models import SigningKey


async def list_keys(session: AsyncSession) -> Sequence[SigningKey]:
    """The newest first."""
    return (await session.scalars(select(SigningKey).order_by(SigningKey.signs_from.desc()))).all()


async def database_time(session: AsyncSession) -> datetime:
    now: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return now


async def add(
    session: AsyncSession, *, key_id: str, private_sealed: bytes | None, created_at: datetime, signs_from: datetime
) -> None:
    """Does nothing if the key is there."""
    new = insert(SigningKey).values(
        key_id=key_id, private_sealed=private_sealed, created_at=created_at, signs_from=signs_from
    )
    await session.execute(new.on_conflict_do_nothing())


async def end_others(session: AsyncSession, *, key_id: str, ends_at: datetime) -> None:
    """Give every other key an end, none a later one than it has."""
    await session.execute(
        update(SigningKey)
        .where(SigningKey.key_id != key_id, or_(SigningKey.ends_at.is_(None), SigningKey.ends_at > ends_at))
        .values(ends_at=ends_at)
        .execution_options(synchronize_session=False)
    )


async def delete_ended(session: AsyncSession, *, for_at_least: timedelta) -> None:
    """Destroy private keys that ended long ago. Their times stay: the key of the settings must not come back."""
    await session.execute(
        update(SigningKey)
        .where(SigningKey.ends_at < func.clock_timestamp() - for_at_least)
        .values(private_sealed=None)
        .execution_options(synchronize_session=False)
    )


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()
