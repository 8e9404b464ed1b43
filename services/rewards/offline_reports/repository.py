"""SQL of the reports of tills without a line."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Uuid, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.offline_reports.models import offline_report


async def known(session: AsyncSession, *, actor: str, report_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    wanted = any_(literal(list(report_ids), ARRAY(Uuid)))
    query = select(offline_report).where(offline_report.c.actor == actor, offline_report.c.report_id == wanted)
    return {row.report_id: row for row in await session.execute(query)}


async def add(session: AsyncSession, values: Mapping[str, Any]) -> Any:
    return (await session.execute(insert(offline_report).values(**values).returning(offline_report))).one()


async def page(
    session: AsyncSession, *, shop_id: str | None, outcome: str | None, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    """Newest first."""
    query = select(offline_report).order_by(offline_report.c.entry_id.desc()).limit(limit)
    if shop_id is not None:
        query = query.where(offline_report.c.shop_id == shop_id)
    if outcome is not None:
        query = query.where(offline_report.c.outcome == outcome)
    if before is not None:
        query = query.where(offline_report.c.entry_id < before)
    return (await session.execute(query)).all()
