"""SQL of proposals."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.operations.models import proposal
from shared.ids import new_id


async def add_proposal(
    session: AsyncSession, *, kind: str, subject_id: uuid.UUID, reason: str, proposed_by: str
) -> Any | None:
    """None when an open one about the same subject is there already."""
    statement = (
        insert(proposal)
        .values(
            proposal_id=new_id(),
            kind=kind,
            subject_id=subject_id,
            reason=reason,
            status="open",
            proposed_by=proposed_by,
        )
        .on_conflict_do_nothing()
        .returning(proposal)
    )
    return (await session.execute(statement)).first()


async def locked_proposal(session: AsyncSession, proposal_id: uuid.UUID, kind: str) -> Any | None:
    query = select(proposal).where(proposal.c.proposal_id == proposal_id, proposal.c.kind == kind)
    return (await session.execute(query.with_for_update())).first()


async def decide(session: AsyncSession, proposal_id: uuid.UUID, status: str, decided_by: str) -> Any:
    statement = (
        update(proposal)
        .where(proposal.c.proposal_id == proposal_id)
        .values(status=status, decided_by=decided_by, decided_at=func.clock_timestamp())
        .returning(proposal)
    )
    return (await session.execute(statement)).one()


async def open_proposals(session: AsyncSession, *, kind: str, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    query = (
        select(proposal)
        .where(proposal.c.status == "open", proposal.c.kind == kind)
        .order_by(proposal.c.proposal_id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(proposal.c.proposal_id < before)
    return (await session.execute(query)).all()
