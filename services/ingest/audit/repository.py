"""SQL of the audit log."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.ingest.audit.models import audit_log


async def add(session: AsyncSession, values: Mapping[str, Any]) -> None:
    await session.execute(insert(audit_log).values(**values))


async def entries(
    session: AsyncSession, *, about: str | None, subject: str | None, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    query = select(audit_log).order_by(audit_log.c.entry_id.desc()).limit(limit)
    if about is not None:
        query = query.where(audit_log.c.object == about)
    if subject is not None:
        query = query.where(audit_log.c.subject == subject)
    if before is not None:
        query = query.where(audit_log.c.entry_id < before)
    return (await session.execute(query)).all()
