from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.policies.models import Policy

# Distinguishes this advisory lock from others: two publications at once would each miss the other's version.
_PUBLISHING = 20_261_128


async def lock_publishing(session: AsyncSession) -> None:
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PUBLISHING})


async def list_all(session: AsyncSession) -> Sequence[Policy]:
    """Newest first."""
    return (await session.scalars(select(Policy).order_by(Policy.effective_from.desc(), Policy.version.desc()))).all()


async def list_of(session: AsyncSession, families: Collection[str]) -> Sequence[Policy]:
    """Newest first."""
    statement = select(Policy).where(Policy.family.in_(families))
    return (await session.scalars(statement.order_by(Policy.effective_from.desc(), Policy.version.desc()))).all()


async def add(session: AsyncSession, **values: Any) -> bool:
    """Return False if the version exists."""
    statement = insert(Policy).values(**values).on_conflict_do_nothing().returning(Policy.version)
    return (await session.execute(statement)).first() is not None


async def end_earlier(session: AsyncSession, *, family: str, effective_from: datetime) -> None:
    """Let the versions of the family before `effective_from` end there, unless they end sooner."""
    await session.execute(
        update(Policy)
        .where(
            Policy.family == family,
            Policy.effective_from < effective_from,
            or_(Policy.accepted_until.is_(None), Policy.accepted_until > effective_from),
        )
        .values(accepted_until=effective_from)
        .execution_options(synchronize_session=False)
    )
