"""SQL of drafts and proposals."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.publishing.models import methodology_draft, proposal


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


async def add_proposal(session: AsyncSession, values: Mapping[str, Any]) -> Any:
    return (await session.execute(insert(proposal).values(**values).returning(proposal))).one()


async def decide_proposal(session: AsyncSession, proposal_id: uuid.UUID, *, status: str, decided_by: str) -> Any:
    statement = (
        update(proposal)
        .where(proposal.c.proposal_id == proposal_id)
        .values(status=status, decided_by=decided_by, decided_at=func.now())
        .returning(proposal)
    )
    return (await session.execute(statement)).one()


async def draft(session: AsyncSession, draft_id: uuid.UUID, *, lock: bool = False) -> Any:
    """The row or None; locked until the transaction's end where it is about to change."""
    return await _one(session, methodology_draft, methodology_draft.c.draft_id == draft_id, lock)


async def one_proposal(session: AsyncSession, proposal_id: uuid.UUID, *, lock: bool = False) -> Any:
    return await _one(session, proposal, proposal.c.proposal_id == proposal_id, lock)


async def _one(session: AsyncSession, table: Table, condition: Any, lock: bool) -> Any:
    query = select(table).where(condition)
    return (await session.execute(query.with_for_update() if lock else query)).one_or_none()


async def drafts(session: AsyncSession, *, status: str | None, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    """Newest first: ids are in the order of creation."""
    return await _page(session, methodology_draft, "draft_id", status, before, limit)


async def proposals(
    session: AsyncSession, *, status: str | None, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    return await _page(session, proposal, "proposal_id", status, before, limit)


async def _page(
    session: AsyncSession, table: Table, key: str, status: str | None, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    query = select(table).order_by(table.c[key].desc()).limit(limit)
    if status is not None:
        query = query.where(table.c.status == status)
    if before is not None:
        query = query.where(table.c[key] < before)
    return (await session.execute(query)).all()
