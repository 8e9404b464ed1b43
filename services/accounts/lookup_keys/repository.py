import uuid
from collections.abc import Sequence

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.lookup_keys.models import LookupKey

# Writers of new hashes hold it shared, a change of the current key exclusively. The number is any.
_FENCE = 0x6C6F6F6B7570


async def list_keys(session: AsyncSession) -> Sequence[LookupKey]:
    return (await session.scalars(select(LookupKey).execution_options(populate_existing=True))).all()


async def enter_fence(session: AsyncSession) -> None:
    await session.execute(text("SELECT pg_advisory_xact_lock_shared(:fence)"), {"fence": _FENCE})


async def close_fence(session: AsyncSession) -> None:
    """Wait for all writers. New ones wait for the end of this transaction."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:fence)"), {"fence": _FENCE})


async def try_add_current(session: AsyncSession, key_id: str) -> None:
    """Does nothing if another key is current."""
    new = insert(LookupKey).values(key_id=key_id, state="current", since=func.clock_timestamp(), rehashed=0)
    await session.execute(new.on_conflict_do_nothing())


async def make_former(session: AsyncSession) -> None:
    await session.execute(update(LookupKey).values(state="former").execution_options(synchronize_session=False))


async def make_current(session: AsyncSession, key_id: str) -> None:
    new = insert(LookupKey).values(key_id=key_id, state="current", since=func.clock_timestamp(), rehashed=0)
    again = {"state": "current", "since": func.clock_timestamp(), "users_through": None, "phones_through": None}
    await session.execute(new.on_conflict_do_update(index_elements=[LookupKey.key_id], set_={**again, "rehashed": 0}))


async def record_progress(session: AsyncSession, key_id: str, *, column: str, through: uuid.UUID, count: int) -> None:
    await session.execute(
        update(LookupKey)
        .where(LookupKey.key_id == key_id, LookupKey.state == "current")
        .values({column: through, "rehashed": LookupKey.rehashed + count})
        .execution_options(synchronize_session=False)
    )


async def delete_former(session: AsyncSession) -> None:
    await session.execute(
        delete(LookupKey).where(LookupKey.state == "former").execution_options(synchronize_session=False)
    )
