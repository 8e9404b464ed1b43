"""SQL of the seals. Rows are added and never changed."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.proofs.models import daily_digest, digest_block


async def newest(session: AsyncSession) -> Any | None:
    query = select(daily_digest).order_by(daily_digest.c.day.desc()).limit(1)
    return (await session.execute(query)).first()


async def digest(session: AsyncSession, day: date) -> Any | None:
    return (await session.execute(select(daily_digest).where(daily_digest.c.day == day))).first()


async def digests(session: AsyncSession, *, before: date | None, limit: int) -> Sequence[Any]:
    query = select(daily_digest).order_by(daily_digest.c.day.desc()).limit(limit)
    if before is not None:
        query = query.where(daily_digest.c.day < before)
    return (await session.execute(query)).all()


async def days(session: AsyncSession) -> Sequence[date]:
    return (await session.execute(select(daily_digest.c.day).order_by(daily_digest.c.day))).scalars().all()


async def add_digest(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(daily_digest).values(**values))


async def add_blocks(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.execute(insert(digest_block), rows)


async def block_of(session: AsyncSession, day: date, posted_at: datetime, posting_id: uuid.UUID) -> Any | None:
    """Return the block of the day that contains this posting."""
    table = digest_block.c
    query = (
        select(digest_block)
        .where(table.day == day, tuple_(table.first_posted_at, table.first_posting_id) <= tuple_(posted_at, posting_id))
        .order_by(table.number.desc())
        .limit(1)
    )
    return (await session.execute(query)).first()


async def block_roots(session: AsyncSession, day: date) -> list[bytes]:
    query = select(digest_block.c.root).where(digest_block.c.day == day).order_by(digest_block.c.number)
    return [bytes(root) for root in (await session.execute(query)).scalars()]


async def blocks(session: AsyncSession, day: date) -> Sequence[Any]:
    query = select(digest_block).where(digest_block.c.day == day).order_by(digest_block.c.number)
    return (await session.execute(query)).all()


async def sealed_postings(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.coalesce(func.sum(daily_digest.c.postings), 0))) or 0)
