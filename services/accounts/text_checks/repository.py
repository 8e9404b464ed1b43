import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.text_checks.models import TextCheck


async def find(session: AsyncSession, *, user_id: uuid.UUID, kind: str, hashes: Sequence[bytes]) -> TextCheck | None:
    return await session.scalar(
        select(TextCheck).where(TextCheck.user_id == user_id, TextCheck.kind == kind, TextCheck.text_hash.in_(hashes))
    )


async def add(session: AsyncSession, values: Mapping[str, Any]) -> None:
    """Does nothing if the text of this person waits or was decided already."""
    await session.execute(insert(TextCheck).values(**values).on_conflict_do_nothing())


async def lock(session: AsyncSession, *, check_id: uuid.UUID) -> TextCheck | None:
    return await session.scalar(select(TextCheck).where(TextCheck.check_id == check_id).with_for_update())


async def list_waiting(session: AsyncSession, *, after: uuid.UUID | None, at_most: int) -> Sequence[TextCheck]:
    statement = select(TextCheck).where(TextCheck.status == "waiting").order_by(TextCheck.check_id).limit(at_most)
    if after is not None:
        statement = statement.where(TextCheck.check_id > after)
    return (await session.scalars(statement)).all()


async def list_of_user(session: AsyncSession, *, user_id: uuid.UUID, at_most: int) -> Sequence[TextCheck]:
    statement = select(TextCheck).where(TextCheck.user_id == user_id).order_by(TextCheck.check_id.desc()).limit(at_most)
    return (await session.scalars(statement)).all()


async def delete_of_user(session: AsyncSession, *, user_id: uuid.UUID) -> None:
    await session.execute(delete(TextCheck).where(TextCheck.user_id == user_id))


async def delete_past(session: AsyncSession, *, before: datetime, at_most: int) -> None:
    await session.execute(
        text(
            "DELETE FROM accounts.text_check WHERE check_id IN (SELECT check_id FROM accounts.text_check"
            " WHERE created_at < :before ORDER BY created_at LIMIT :n)"
        ),
        {"before": before, "n": at_most},
    )
