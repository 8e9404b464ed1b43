"""SQL of questions."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.freeze_questions.models import FreezeQuestion


async def add(session: AsyncSession, row: FreezeQuestion) -> None:
    session.add(row)
    await session.flush()


async def lock(session: AsyncSession, *, question_id: uuid.UUID) -> FreezeQuestion | None:
    return await session.scalar(
        select(FreezeQuestion).where(FreezeQuestion.question_id == question_id).with_for_update()
    )


async def list_of_user(
    session: AsyncSession, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[FreezeQuestion]:
    """Return the questions of a person, the newest first."""
    statement = select(FreezeQuestion).where(FreezeQuestion.user_id == user_id)
    if before is not None:
        statement = statement.where(FreezeQuestion.question_id < before)
    return (await session.scalars(statement.order_by(FreezeQuestion.question_id.desc()).limit(limit))).all()


async def list_open(session: AsyncSession, *, after: uuid.UUID | None, limit: int) -> Sequence[FreezeQuestion]:
    """Return the questions without an answer, the oldest first."""
    statement = select(FreezeQuestion).where(FreezeQuestion.answered_at.is_(None))
    if after is not None:
        statement = statement.where(FreezeQuestion.question_id > after)
    return (await session.scalars(statement.order_by(FreezeQuestion.question_id).limit(limit))).all()
