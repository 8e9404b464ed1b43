"""SQL of families."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounting.families.domain import Agreement
from services.accounting.families.models import agreement, agreement_member, family_spend


async def spends_in_month(
    session: AsyncSession, pairs: Sequence[tuple[uuid.UUID, uuid.UUID]], month: date
) -> Sequence[Any]:
    """Return what (account, spender) spent alone in a month, with refunded spends."""
    table = family_spend.c
    query = select(table.hold_id, table.account_id, table.spender_account_id, table.amount_mg).where(
        tuple_(table.account_id, table.spender_account_id).in_(pairs),
        table.month == month,
        table.agreement_id.is_(None),
    )
    return (await session.execute(query)).all()


async def add_spends(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    await session.execute(insert(family_spend), [dict(row) for row in rows])


async def end_agreements(session: AsyncSession, agreement_ids: Sequence[uuid.UUID], status: str, at: datetime) -> None:
    await session.execute(
        update(agreement)
        .where(agreement.c.agreement_id.in_(agreement_ids), agreement.c.status == "open")
        .values(status=status, ended_at=at)
    )


async def locked_agreements(session: AsyncSession, agreement_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Agreement]:
    """Return agreements, locked by id."""
    query = select(agreement).where(agreement.c.agreement_id.in_(agreement_ids)).order_by(agreement.c.agreement_id)
    rows = (await session.execute(query.with_for_update())).all()
    return {one.agreement_id: one for one in await _with_members(session, rows)}


async def _with_members(session: AsyncSession, rows: Sequence[Any]) -> list[Agreement]:
    ids = [row.agreement_id for row in rows]
    table = agreement_member.c
    agreed: dict[uuid.UUID, set[uuid.UUID]] = {one: set() for one in ids}
    if ids:
        query = select(table.agreement_id, table.account_id).where(table.agreement_id.in_(ids))
        for agreement_id, account_id in await session.execute(query):
            agreed[agreement_id].add(account_id)
    return [Agreement(**row._mapping, agreed=frozenset(agreed[row.agreement_id])) for row in rows]


async def add_agreement(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(agreement).values(**values))


async def add_agreed(session: AsyncSession, agreement_id: uuid.UUID, account_id: uuid.UUID, at: datetime) -> None:
    new = insert_or(agreement_member).values(agreement_id=agreement_id, account_id=account_id, agreed_at=at)
    await session.execute(new.on_conflict_do_nothing())


async def count_open(session: AsyncSession, household_id: uuid.UUID, now: datetime) -> int:
    table = agreement.c
    query = select(func.count()).where(
        table.household_id == household_id, table.status == "open", table.expires_at > now
    )
    return await session.scalar(query) or 0


async def page_of_agreements(
    session: AsyncSession, household_id: uuid.UUID, *, before: uuid.UUID | None, since: datetime, limit: int
) -> list[Agreement]:
    """Return agreements that were proposed since then, newest first."""
    query = select(agreement).where(agreement.c.household_id == household_id, agreement.c.created_at >= since)
    if before is not None:
        query = query.where(agreement.c.agreement_id < before)
    rows = (await session.execute(query.order_by(agreement.c.agreement_id.desc()).limit(limit))).all()
    return await _with_members(session, rows)


async def page_of_spends(
    session: AsyncSession, account_id: uuid.UUID, *, before: uuid.UUID | None, since: datetime, limit: int
) -> Sequence[Any]:
    """Return spends since then, newest first."""
    query = select(family_spend).where(family_spend.c.account_id == account_id, family_spend.c.spent_at >= since)
    if before is not None:
        query = query.where(family_spend.c.hold_id < before)
    return (await session.execute(query.order_by(family_spend.c.hold_id.desc()).limit(limit))).all()
