"""SQL of documents."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.documents.models import document

_IS_WAITING = document.c.state == "requested"


async def find(session: AsyncSession, content_hash: str) -> Any | None:
    return (await session.execute(select(document).where(document.c.content_hash == content_hash))).one_or_none()


async def count_waiting(session: AsyncSession, *, at_most: int) -> int:
    some = select(document.c.content_hash).where(_IS_WAITING).limit(at_most).subquery()
    return int(await session.scalar(select(func.count()).select_from(some)) or 0)


async def insert_missing(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(document).values(**values).on_conflict_do_nothing())


async def note_use(session: AsyncSession, content_hash: str) -> None:
    """At most one write a day for each document."""
    await session.execute(
        update(document)
        .where(document.c.content_hash == content_hash, document.c.used_on < func.current_date())
        .values(used_on=func.current_date())
    )


async def claim_due(session: AsyncSession, *, lease: timedelta, limit: int) -> Sequence[Any]:
    """Take documents that are due, the longest waiting first, until the lease is over."""
    due = (
        select(document.c.content_hash)
        .where(_IS_WAITING, document.c.due_at <= func.clock_timestamp())
        .order_by(document.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = (
        update(document)
        .where(document.c.content_hash.in_(due.scalar_subquery()))
        .values(due_at=func.clock_timestamp() + lease, attempts=document.c.attempts + 1)
        .returning(document.c.content_hash, document.c.form, document.c.content, document.c.attempts)
    )
    return (await session.execute(claimed)).all()


async def store(session: AsyncSession, content_hash: str, *, file: bytes, file_sha256: str) -> bool:
    """Store the file of a document that waits for one. False if it is made or gone meanwhile."""
    made = await session.execute(
        update(document)
        .where(document.c.content_hash == content_hash, _IS_WAITING)
        .values(state="ready", file=file, file_sha256=file_sha256, made_at=func.clock_timestamp(), last_error=None)
        .returning(document.c.content_hash)
    )
    return made.first() is not None


async def put_off(session: AsyncSession, content_hash: str, *, pause: timedelta, error: str) -> None:
    await session.execute(
        update(document)
        .where(document.c.content_hash == content_hash, _IS_WAITING)
        .values(due_at=func.clock_timestamp() + pause, last_error=error)
    )


async def delete_of_certificate(session: AsyncSession, certificate_no: str) -> None:
    await session.execute(delete(document).where(document.c.certificate_no == certificate_no))


async def delete_unused(session: AsyncSession, *, before: date, limit: int) -> int:
    old = (
        select(document.c.content_hash)
        .where(document.c.used_on < before)
        .order_by(document.c.used_on)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    gone = await session.execute(
        delete(document).where(document.c.content_hash.in_(old.scalar_subquery())).returning(document.c.content_hash)
    )
    return len(gone.all())


async def oldest_wait(session: AsyncSession) -> timedelta | None:
    """Return how long the oldest request has waited."""
    query = select(func.clock_timestamp() - func.min(document.c.requested_at)).where(_IS_WAITING)
    found: timedelta | None = await session.scalar(query)
    return found
