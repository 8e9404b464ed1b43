"""SQL of exports."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.exports.models import DataExport, ExportArchive


async def find_open(session: AsyncSession, *, user_id: uuid.UUID) -> DataExport | None:
    statement = select(DataExport).where(DataExport.user_id == user_id, DataExport.status.in_(("queued", "running")))
    return await session.scalar(statement)


async def add(session: AsyncSession, row: DataExport) -> None:
    session.add(row)
    await session.flush()


async def find(session: AsyncSession, *, export_id: uuid.UUID, user_id: uuid.UUID) -> DataExport | None:
    return await session.scalar(
        select(DataExport).where(DataExport.export_id == export_id, DataExport.user_id == user_id)
    )


async def claim(session: AsyncSession, *, at: datetime, lease: timedelta) -> DataExport | None:
    """Take the export that waits longest, also one whose worker died."""
    statement = (
        select(DataExport)
        .where(
            or_(
                DataExport.status == "queued",
                and_(DataExport.status == "running", DataExport.lease_until < at),
            )
        )
        .order_by(DataExport.requested_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = await session.scalar(statement)
    if row is not None:
        row.status, row.lease_until, row.attempts = "running", at + lease, row.attempts + 1
        row.row_count, row.service = 0, None
        await session.flush()
    return row


async def progress(
    session: AsyncSession, *, export_id: uuid.UUID, service: str, row_count: int, lease_until: datetime
) -> bool:
    """Tell the progress. False if the export is gone: the person was erased meanwhile."""
    statement = (
        update(DataExport)
        .where(DataExport.export_id == export_id, DataExport.status == "running")
        .values(service=service, row_count=row_count, lease_until=lease_until)
    )
    result = await session.execute(statement.returning(DataExport.export_id))
    return result.first() is not None


async def lock(session: AsyncSession, *, export_id: uuid.UUID) -> DataExport | None:
    return await session.scalar(select(DataExport).where(DataExport.export_id == export_id).with_for_update())


async def add_archive(session: AsyncSession, row: ExportArchive) -> None:
    session.add(row)
    await session.flush()


async def find_archive(session: AsyncSession, *, export_id: uuid.UUID) -> bytes | None:
    return await session.scalar(select(ExportArchive.sealed).where(ExportArchive.export_id == export_id))


async def delete_expired(session: AsyncSession, *, before: datetime, at_most: int) -> None:
    """Delete expired archives with their exports."""
    expired = (
        select(DataExport.export_id)
        .where(DataExport.expires_at < before)
        .order_by(DataExport.expires_at)
        .limit(at_most)
        .with_for_update(skip_locked=True)
    )
    await session.execute(delete(DataExport).where(DataExport.export_id.in_(expired)))
