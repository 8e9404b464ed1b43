"""SQL of erasures."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.erasures.models import Erasure, ErasureAnswer


async def add(session: AsyncSession, row: Erasure) -> None:
    session.add(row)
    await session.flush()


async def find_planned(session: AsyncSession, *, user_id: uuid.UUID) -> Erasure | None:
    return await session.scalar(select(Erasure).where(Erasure.user_id == user_id, Erasure.status == "planned"))


async def due_people(session: AsyncSession, *, at: datetime, limit: int) -> Sequence[uuid.UUID]:
    """Return people whose time has come, the longest waiting first, without locking anything."""
    due = select(Erasure.user_id).where(Erasure.status == "planned", Erasure.due_at <= at)
    found = (await session.scalars(due.order_by(Erasure.due_at).limit(limit))).all()
    return [user_id for user_id in found if user_id is not None]


async def lock_due(session: AsyncSession, *, user_id: uuid.UUID, at: datetime) -> Erasure | None:
    """Lock the plan of a person, unless it was cancelled or carried out meanwhile. The caller has the user's lock."""
    statement = select(Erasure).where(Erasure.user_id == user_id, Erasure.status == "planned", Erasure.due_at <= at)
    return await session.scalar(statement.with_for_update(skip_locked=True))


async def lock_unanswered(session: AsyncSession, *, asked_before: datetime, limit: int) -> Sequence[Erasure]:
    statement = select(Erasure).where(Erasure.status == "running", Erasure.asked_at < asked_before)
    return (
        await session.scalars(statement.order_by(Erasure.asked_at).limit(limit).with_for_update(skip_locked=True))
    ).all()


async def lock_erasure(session: AsyncSession, *, erasure_id: uuid.UUID) -> Erasure | None:
    return await session.scalar(select(Erasure).where(Erasure.erasure_id == erasure_id).with_for_update())


async def add_answer(
    session: AsyncSession, *, erasure_id: uuid.UUID, service: str, row_count: int, answered_at: datetime
) -> None:
    values = {"erasure_id": erasure_id, "service": service, "row_count": row_count, "answered_at": answered_at}
    await session.execute(insert(ErasureAnswer).values(values).on_conflict_do_nothing())


async def answers_to(session: AsyncSession, erasure_ids: Sequence[uuid.UUID]) -> Sequence[ErasureAnswer]:
    statement = select(ErasureAnswer).where(ErasureAnswer.erasure_id.in_(erasure_ids))
    return (await session.scalars(statement.order_by(ErasureAnswer.answered_at))).all()


async def list_page(
    session: AsyncSession, *, status: str | None, before: uuid.UUID | None, limit: int
) -> Sequence[Erasure]:
    statement = select(Erasure).order_by(Erasure.erasure_id.desc()).limit(limit)
    if status is not None:
        statement = statement.where(Erasure.status == status)
    if before is not None:
        statement = statement.where(Erasure.erasure_id < before)
    return (await session.scalars(statement)).all()


async def count_open(session: AsyncSession, *, started_before: datetime) -> tuple[int, int, int]:
    """Return how many are planned, how many are running, and how many of these began before a time."""
    row = (
        await session.execute(
            select(
                func.count().filter(Erasure.status == "planned"),
                func.count().filter(Erasure.status == "running"),
                func.count().filter(Erasure.status == "running", Erasure.started_at < started_before),
            ).where(Erasure.status.in_(("planned", "running")))
        )
    ).one()
    return row[0], row[1], row[2]
