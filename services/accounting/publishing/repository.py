"""SQL of drafts."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.publishing.models import methodology_draft


async def add_draft(session: AsyncSession, values: Mapping[str, Any]) -> Any:
    return (await session.execute(insert(methodology_draft).values(**values).returning(methodology_draft))).one()


async def change_draft(session: AsyncSession, draft_id: uuid.UUID, values: Mapping[str, Any]) -> Any:
    statement = (
        update(methodology_draft)
        .where(methodology_draft.c.draft_id == draft_id)
        .values(updated_at=func.now(), **values)
        .returning(methodology_draft)
    )
    return (await session.execute(statement)).one()


async def draft(session: AsyncSession, draft_id: uuid.UUID, *, lock: bool = False) -> Any:
    """Return the row or None. `lock` holds it until the end of the transaction."""
    query = select(methodology_draft).where(methodology_draft.c.draft_id == draft_id)
    return (await session.execute(query.with_for_update() if lock else query)).one_or_none()


async def drafts(session: AsyncSession, *, status: str | None, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    """Return drafts, newest first. Ids grow with time."""
    query = select(methodology_draft).order_by(methodology_draft.c.draft_id.desc()).limit(limit)
    if status is not None:
        query = query.where(methodology_draft.c.status == status)
    if before is not None:
        query = query.where(methodology_draft.c.draft_id < before)
    return (await session.execute(query)).all()
