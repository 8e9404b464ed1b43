import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.mandates.models import Mandate, MandateTerms

_IS_CURRENT = MandateTerms.published_at.is_not(None) & MandateTerms.ends_at.is_(None)


async def try_add_terms(session: AsyncSession, values: dict[str, Any]) -> MandateTerms | None:
    """Return None when the platform has this version."""
    statement = insert(MandateTerms).values(**values).on_conflict_do_nothing().returning(MandateTerms)
    return await session.scalar(statement)


async def find_version(
    session: AsyncSession, *, platform_id: uuid.UUID, kind: str, terms_version: str
) -> MandateTerms | None:
    statement = select(MandateTerms).where(
        MandateTerms.platform_id == platform_id,
        MandateTerms.kind == kind,
        MandateTerms.terms_version == terms_version,
    )
    return await session.scalar(statement)


async def find_terms(session: AsyncSession, *, terms_id: uuid.UUID, lock: bool = False) -> MandateTerms | None:
    statement = select(MandateTerms).where(MandateTerms.terms_id == terms_id)
    return await session.scalar(statement.with_for_update() if lock else statement)


async def current_terms(session: AsyncSession, *, platform_id: uuid.UUID, kind: str) -> MandateTerms | None:
    """Return the terms that were published last and have not been ended."""
    statement = select(MandateTerms).where(MandateTerms.platform_id == platform_id, MandateTerms.kind == kind)
    statement = statement.where(_IS_CURRENT).order_by(MandateTerms.published_at.desc(), MandateTerms.terms_id.desc())
    return await session.scalar(statement.limit(1))


async def list_current(
    session: AsyncSession, *, platform_id: uuid.UUID | None, before: uuid.UUID | None, limit: int
) -> Sequence[MandateTerms]:
    """Return the current terms of each platform and kind, the newest first."""
    place = func.row_number().over(
        partition_by=(MandateTerms.platform_id, MandateTerms.kind),
        order_by=(MandateTerms.published_at.desc(), MandateTerms.terms_id.desc()),
    )
    ranked = select(MandateTerms.terms_id, place.label("place")).where(_IS_CURRENT).subquery()
    newest = select(ranked.c.terms_id).where(ranked.c.place == 1)
    statement = select(MandateTerms).where(MandateTerms.terms_id.in_(newest)).order_by(MandateTerms.terms_id.desc())
    if platform_id is not None:
        statement = statement.where(MandateTerms.platform_id == platform_id)
    if before is not None:
        statement = statement.where(MandateTerms.terms_id < before)
    return (await session.scalars(statement.limit(limit))).all()


async def list_of_platform(
    session: AsyncSession, *, platform_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[MandateTerms]:
    statement = select(MandateTerms).where(MandateTerms.platform_id == platform_id)
    if before is not None:
        statement = statement.where(MandateTerms.terms_id < before)
    return (await session.scalars(statement.order_by(MandateTerms.terms_id.desc()).limit(limit))).all()


async def next_to_end(session: AsyncSession) -> MandateTerms | None:
    """Lock terms that were ended and may still have mandates without that end."""
    statement = select(MandateTerms).where(MandateTerms.ends_at.is_not(None), MandateTerms.all_ended_at.is_(None))
    return await session.scalar(statement.limit(1).with_for_update(skip_locked=True))


async def later_than(session: AsyncSession, *, terms_id: uuid.UUID, ends_at: datetime, limit: int) -> Sequence[Mandate]:
    """Lock open mandates of these terms that would last longer than `ends_at`."""
    statement = select(Mandate).where(
        Mandate.terms_id == terms_id,
        Mandate.closed_at.is_(None),
        or_(Mandate.until.is_(None), Mandate.until > ends_at),
    )
    return (await session.scalars(statement.order_by(Mandate.mandate_id).limit(limit).with_for_update())).all()


async def try_add(session: AsyncSession, values: dict[str, Any]) -> Mandate | None:
    """Return None when the person has an open mandate for the platform."""
    statement = insert(Mandate).values(**values).on_conflict_do_nothing().returning(Mandate)
    return await session.scalar(statement)


async def find_open(session: AsyncSession, *, user_id: uuid.UUID, platform_id: uuid.UUID) -> Mandate | None:
    statement = select(Mandate).where(
        Mandate.user_id == user_id, Mandate.platform_id == platform_id, Mandate.closed_at.is_(None)
    )
    return await session.scalar(statement.with_for_update())


async def find(session: AsyncSession, *, user_id: uuid.UUID, mandate_id: uuid.UUID) -> Mandate | None:
    statement = select(Mandate).where(Mandate.mandate_id == mandate_id, Mandate.user_id == user_id)
    return await session.scalar(statement.with_for_update())


async def list_of(
    session: AsyncSession, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[Mandate]:
    statement = select(Mandate).where(Mandate.user_id == user_id)
    if before is not None:
        statement = statement.where(Mandate.mandate_id < before)
    return (await session.scalars(statement.order_by(Mandate.mandate_id.desc()).limit(limit))).all()


async def list_open(session: AsyncSession, *, user_id: uuid.UUID) -> Sequence[Mandate]:
    statement = select(Mandate).where(Mandate.user_id == user_id, Mandate.closed_at.is_(None))
    return (await session.scalars(statement.order_by(Mandate.mandate_id).with_for_update())).all()


async def ids_of(session: AsyncSession, *, user_id: uuid.UUID) -> Sequence[uuid.UUID]:
    return (await session.scalars(select(Mandate.mandate_id).where(Mandate.user_id == user_id))).all()


async def count_open(session: AsyncSession, *, user_id: uuid.UUID) -> int:
    statement = select(func.count()).where(Mandate.user_id == user_id, Mandate.closed_at.is_(None))
    return await session.scalar(statement) or 0


async def count_live_of_platform(session: AsyncSession, *, platform_id: uuid.UUID, now: datetime) -> int:
    statement = select(func.count()).where(
        Mandate.platform_id == platform_id,
        Mandate.closed_at.is_(None),
        or_(Mandate.until.is_(None), Mandate.until > now),
    )
    return await session.scalar(statement) or 0


async def flush_changes(session: AsyncSession) -> None:
    await session.flush()
