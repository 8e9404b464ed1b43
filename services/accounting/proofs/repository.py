"""SQL of the seals. Rows are added and never changed."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.proofs.domain import Block
from services.accounting.proofs.models import activity_block, checked_day, daily_digest, digest_block, record_digest

# A digest with the result of its last recheck, and the records chain of the same day.
_SHOWN = (
    select(
        daily_digest,
        checked_day.c.checked_at,
        checked_day.c.findings,
        record_digest.c.statement.label("records_statement"),
        record_digest.c.sha256.label("records_sha256"),
        record_digest.c.previous.label("records_previous"),
        record_digest.c.records,
        record_digest.c.public_key.label("records_public_key"),
        record_digest.c.signature.label("records_signature"),
    )
    .outerjoin(checked_day, checked_day.c.day == daily_digest.c.day)
    .outerjoin(record_digest, record_digest.c.day == daily_digest.c.day)
)


async def newest(session: AsyncSession) -> Any | None:
    return (await session.execute(_SHOWN.order_by(daily_digest.c.day.desc()).limit(1))).first()


async def digest(session: AsyncSession, day: date) -> Any | None:
    return (await session.execute(_SHOWN.where(daily_digest.c.day == day))).first()


async def digest_before(session: AsyncSession, day: date) -> Any | None:
    """Return the newest digest before this day."""
    query = select(daily_digest).where(daily_digest.c.day < day).order_by(daily_digest.c.day.desc()).limit(1)
    return (await session.execute(query)).first()


async def digests(session: AsyncSession, *, before: date | None, limit: int) -> Sequence[Any]:
    query = _SHOWN.order_by(daily_digest.c.day.desc()).limit(limit)
    if before is not None:
        query = query.where(daily_digest.c.day < before)
    return (await session.execute(query)).all()


async def all_digests(session: AsyncSession) -> Sequence[Any]:
    return (await session.execute(select(daily_digest).order_by(daily_digest.c.day))).all()


async def days(session: AsyncSession) -> Sequence[date]:
    return (await session.execute(select(daily_digest.c.day).order_by(daily_digest.c.day))).scalars().all()


async def add_digest(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(daily_digest).values(**values))


async def add_blocks(session: AsyncSession, day: date, blocks: Sequence[Block]) -> None:
    rows = [
        {
            "day": day,
            "number": block.number,
            "root": block.root,
            "leaves": block.leaves,
            "first_posted_at": block.first[0],
            "first_posting_id": block.first[1],
            "last_posted_at": block.last_at,
        }
        for block in blocks
    ]
    if rows:
        await session.execute(insert(digest_block), rows)


async def add_activity_blocks(session: AsyncSession, day: date, blocks: Sequence[Block]) -> None:
    rows = [
        {
            "day": day,
            "number": block.number,
            "root": block.root,
            "leaves": block.leaves,
            "first_at": block.first[0],
            "first_activity_id": block.first[1],
            "first_sequence": block.first[2],
            "last_at": block.last_at,
        }
        for block in blocks
    ]
    if rows:
        await session.execute(insert(activity_block), rows)


async def blocks(session: AsyncSession, day: date) -> list[Block]:
    """Return the blocks of the day's postings, in order."""
    query = select(digest_block).where(digest_block.c.day == day).order_by(digest_block.c.number)
    return [
        Block(row.number, (row.first_posted_at, row.first_posting_id), row.last_posted_at, bytes(row.root), row.leaves)
        for row in await session.execute(query)
    ]


async def activity_blocks(session: AsyncSession, day: date) -> list[Block]:
    """Return the blocks of the day's activities, in order."""
    query = select(activity_block).where(activity_block.c.day == day).order_by(activity_block.c.number)
    return [
        Block(
            row.number,
            (row.first_at, row.first_activity_id, row.first_sequence),
            row.last_at,
            bytes(row.root),
            row.leaves,
        )
        for row in await session.execute(query)
    ]


async def sealed_leaves(session: AsyncSession) -> int:
    """Return the number of postings and activities of all sealed days, as their digests state it."""
    leaves = daily_digest.c.postings + func.coalesce(daily_digest.c.activities, 0)
    return int(await session.scalar(select(func.coalesce(func.sum(leaves), 0))) or 0)
