"""SQL of banks."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Text, any_, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.banks.models import bank, bank_key, bank_nonce


async def find(session: AsyncSession, bank_id: str, *, lock: bool = False) -> Any | None:
    query = select(bank).where(bank.c.bank_id == bank_id)
    return (await session.execute(query.with_for_update() if lock else query)).one_or_none()


async def by_ids(session: AsyncSession, bank_ids: Collection[str]) -> Sequence[Any]:
    among = bank.c.bank_id == any_(literal(sorted(bank_ids), ARRAY(Text)))
    return (await session.execute(select(bank).where(among))).all()


async def listed(session: AsyncSession, limit: int) -> Sequence[Any]:
    return (await session.execute(select(bank).order_by(bank.c.bank_id).limit(limit))).all()


async def count(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.count()).select_from(bank)) or 0)


async def add(session: AsyncSession, values: Mapping[str, Any]) -> bool:
    """Return False if the bank exists."""
    added = await session.execute(insert(bank).values(**values).on_conflict_do_nothing().returning(bank.c.bank_id))
    return added.first() is not None


async def change(session: AsyncSession, bank_id: str, values: Mapping[str, Any]) -> None:
    await session.execute(update(bank).where(bank.c.bank_id == bank_id).values(**values))


async def set_suspended(session: AsyncSession, bank_id: str, *, suspended: bool) -> None:
    at = func.clock_timestamp() if suspended else None
    await session.execute(update(bank).where(bank.c.bank_id == bank_id).values(suspended_at=at))


async def keys_of(session: AsyncSession, bank_ids: Collection[str]) -> Sequence[Any]:
    among = bank_key.c.bank_id == any_(literal(sorted(bank_ids), ARRAY(Text)))
    return (await session.execute(select(bank_key).where(among).order_by(bank_key.c.live_at))).all()


async def find_key(session: AsyncSession, app_key: str) -> Any | None:
    """Return a key with the state of its bank."""
    query = select(bank_key, bank.c.suspended_at).join(bank).where(bank_key.c.app_key == app_key)
    return (await session.execute(query)).one_or_none()


async def add_key(session: AsyncSession, values: Mapping[str, Any]) -> bool:
    """Return False if a key has this name."""
    added = await session.execute(
        insert(bank_key).values(**values).on_conflict_do_nothing().returning(bank_key.c.app_key)
    )
    return added.first() is not None


async def revoke_key(session: AsyncSession, app_key: str) -> None:
    live = (bank_key.c.app_key == app_key) & bank_key.c.revoked_at.is_(None)
    await session.execute(update(bank_key).where(live).values(revoked_at=func.clock_timestamp()))


async def claim_nonce(session: AsyncSession, app_key: str, nonce: str) -> bool:
    """Return False if the nonce was seen before. Waits for a transaction that is noting it."""
    noted = await session.execute(
        insert(bank_nonce).values(app_key=app_key, nonce=nonce).on_conflict_do_nothing().returning(bank_nonce.c.app_key)
    )
    return noted.first() is not None


async def delete_nonces(session: AsyncSession, *, older_than: timedelta) -> None:
    await session.execute(delete(bank_nonce).where(bank_nonce.c.at < func.clock_timestamp() - older_than))
