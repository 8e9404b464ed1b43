"""SQL of imported files."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, and_, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingest.imports.models import import_job, import_line_error, import_part

Row = Mapping[str, Any]

_OPEN = import_job.c.status.in_(("uploading", "queued", "running"))
_WAITING = import_job.c.status.in_(("queued", "running"))
_ADMISSION_LOCK = 0x696D706F7274  # "import" in ASCII. Two uploads at once must not both take the last place


async def lock_admission(session: AsyncSession) -> None:
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADMISSION_LOCK})


async def unfinished_load(session: AsyncSession, partner_id: str) -> tuple[int, int]:
    """(unfinished imports of the partner, bytes of all unfinished imports)."""
    row = (
        await session.execute(
            select(
                func.count().filter(import_job.c.partner_id == partner_id),
                func.coalesce(func.sum(import_job.c.size_bytes), 0),
            ).where(_OPEN)
        )
    ).one()
    return int(row[0]), int(row[1])


async def add_job(session: AsyncSession, row: Row) -> None:
    await session.execute(insert(import_job).values(**row))


async def find_same_open(session: AsyncSession, row: Row) -> Row | None:
    """An unfinished import of the same file with the same options."""
    same = (
        "partner_id", "mode", "dry_run", "day", "format", "compression", "event_type", "charset", "zone", "size_bytes",
        "sha256",
    )  # fmt: skip
    found = await session.execute(
        select(import_job)
        .where(_OPEN, *(import_job.c[name].is_not_distinct_from(row[name]) for name in same))
        .order_by(import_job.c.import_id)
        .limit(1)
    )
    return _one(found)


async def find_job(session: AsyncSession, import_id: UUID, *, lock: bool = False) -> Row | None:
    query = select(import_job).where(import_job.c.import_id == import_id)
    return _one(await session.execute(query.with_for_update() if lock else query))


async def list_jobs(session: AsyncSession, partner_id: str, before: UUID | None, limit: int) -> Sequence[Row]:
    query = select(import_job).where(import_job.c.partner_id == partner_id)
    if before is not None:
        query = query.where(import_job.c.import_id < before)
    found = await session.execute(query.order_by(import_job.c.import_id.desc()).limit(limit))
    return [dict(row) for row in found.mappings()]


async def add_part(session: AsyncSession, *, import_id: UUID, part_no: int, sha256: bytes, content: bytes) -> bytes:
    """Store a part unless it exists. Return the SHA-256 of the stored one."""
    values = {
        "import_id": import_id,
        "part_no": part_no,
        "sha256": sha256,
        "size_bytes": len(content),
        "content": content,
    }
    await session.execute(upsert(import_part).values(**values).on_conflict_do_nothing())
    kept = await session.scalar(
        select(import_part.c.sha256).where(import_part.c.import_id == import_id, import_part.c.part_no == part_no)
    )
    return kept or b""


async def part_numbers(session: AsyncSession, import_id: UUID) -> Sequence[int]:
    found = await session.execute(
        select(import_part.c.part_no).where(import_part.c.import_id == import_id).order_by(import_part.c.part_no)
    )
    return list(found.scalars())


async def load_part(session: AsyncSession, import_id: UUID, part_no: int) -> bytes | None:
    content: bytes | None = await session.scalar(
        select(import_part.c.content).where(import_part.c.import_id == import_id, import_part.c.part_no == part_no)
    )
    return content


async def change_job(session: AsyncSession, import_id: UUID, **values: object) -> None:
    await session.execute(update(import_job).where(import_job.c.import_id == import_id).values(**values))


async def claim_job(session: AsyncSession, holder: str, lease_s: int) -> Row | None:
    """The file whose turn it is, locked until the end of the transaction.

    Partners take turns, then the files of one partner: whoever was served longest ago is next. A file without a holder,
    of this holder, or with an expired lease can be claimed. The lease keeps a file with its holder between turns: a
    worker that takes over must read it from its start to the recorded line, so two workers should not alternate.
    """
    now = func.clock_timestamp()
    free = or_(import_job.c.holder.is_(None), import_job.c.holder == holder, import_job.c.lease_until < now)
    served = (
        select(import_job.c.partner_id, func.max(import_job.c.turn_at).label("turn_at"))
        .where(_WAITING)
        .group_by(import_job.c.partner_id)
        .subquery()
    )
    row = _one(
        await session.execute(
            select(import_job)
            .join(served, served.c.partner_id == import_job.c.partner_id)
            .where(_WAITING, free)
            .order_by(
                served.c.turn_at.asc().nulls_first(), import_job.c.turn_at.asc().nulls_first(), import_job.c.import_id
            )
            .limit(1)
            .with_for_update(skip_locked=True, of=import_job)
        )
    )
    if row is not None:
        until = now + func.make_interval(0, 0, 0, 0, 0, 0, lease_s)
        await change_job(session, row["import_id"], holder=holder, lease_until=until, turn_at=now)
        mine = and_(import_job.c.holder == holder, _WAITING, import_job.c.lease_until < until)
        await session.execute(update(import_job).where(mine).values(lease_until=until))
    return row


async def add_errors(session: AsyncSession, import_id: UUID, rows: Sequence[Row], most: int) -> None:
    """Store rejected lines, at most `most` per import."""
    if not rows:
        return
    kept = await session.scalar(select(func.count()).where(import_line_error.c.import_id == import_id)) or 0
    if kept < most:
        await session.execute(
            upsert(import_line_error).on_conflict_do_nothing(),
            [{"import_id": import_id, **row} for row in rows[: most - kept]],
        )


async def list_errors(session: AsyncSession, import_id: UUID, after: int, limit: int) -> Sequence[Row]:
    found = await session.execute(
        select(import_line_error)
        .where(import_line_error.c.import_id == import_id, import_line_error.c.line_no > after)
        .order_by(import_line_error.c.line_no)
        .limit(limit)
    )
    return [dict(row) for row in found.mappings()]


async def drop_parts(session: AsyncSession, import_id: UUID) -> None:
    await session.execute(delete(import_part).where(import_part.c.import_id == import_id))


async def fail_abandoned(session: AsyncSession, begun_before: datetime, failure: str, at: datetime) -> Sequence[UUID]:
    """Fail uploads that began before that instant and were not completed. Return their ids."""
    found = await session.execute(
        update(import_job)
        .where(import_job.c.status == "uploading", import_job.c.created_at < begun_before)
        .values(status="failed", failure=failure, finished_at=at)
        .returning(import_job.c.import_id)
    )
    return list(found.scalars())


async def delete_old_jobs(session: AsyncSession, finished_before: datetime, limit: int) -> int:
    oldest = (
        select(import_job.c.import_id)
        .where(and_(import_job.c.finished_at < finished_before, ~_OPEN))
        .order_by(import_job.c.import_id)
        .limit(limit)
    )
    result = await session.execute(delete(import_job).where(import_job.c.import_id.in_(oldest)))
    return result.rowcount if isinstance(result, CursorResult) else 0


def _one(found: Any) -> Row | None:
    row = found.mappings().first()
    return dict(row) if row is not None else None
