"""SQL of disputes."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Date, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.disputes.models import dispute

_NOW = func.clock_timestamp()
_TODAY = cast(func.timezone("Asia/Shanghai", _NOW), Date)
_GROUP = (dispute.c.merchant_id, dispute.c.shop_id, dispute.c.sponsor_id, dispute.c.item_id)


async def add(session: AsyncSession, values: Mapping[str, Any]) -> bool:
    """False if there is one about the same."""
    statement = insert(dispute).values(**values).on_conflict_do_nothing().returning(dispute.c.dispute_id)
    return (await session.execute(statement)).first() is not None


async def get(session: AsyncSession, dispute_id: uuid.UUID, *, lock: bool = False) -> Any | None:
    query = select(dispute).where(dispute.c.dispute_id == dispute_id)
    return (await session.execute(query.with_for_update() if lock else query)).one_or_none()


async def of_report(session: AsyncSession, report_id: uuid.UUID) -> Any | None:
    return (await session.execute(select(dispute).where(dispute.c.report_id == report_id))).one_or_none()


async def page(
    session: AsyncSession, *, merchant_id: str | None, status: str | None, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    query = select(dispute).order_by(dispute.c.dispute_id.desc()).limit(limit)
    if merchant_id is not None:
        query = query.where(dispute.c.merchant_id == merchant_id)
    if status is not None:
        query = query.where(dispute.c.status == status)
    if before is not None:
        query = query.where(dispute.c.dispute_id < before)
    return (await session.execute(query)).all()


async def decide(
    session: AsyncSession, dispute_id: uuid.UUID, *, status: str, adjusted_fen: int, decision: str
) -> None:
    await session.execute(
        update(dispute)
        .where(dispute.c.dispute_id == dispute_id, dispute.c.status == "open")
        .values(status=status, adjusted_fen=adjusted_fen, decision=decision, decided_at=_NOW, decided_day=_TODAY)
    )


async def sums_of_day(session: AsyncSession, day: date) -> Sequence[Any]:
    """Return (merchant, shop, sponsor, item, fen) of what was decided on a day that is not closed."""
    query = select(*_GROUP, func.sum(dispute.c.adjusted_fen).label("fen"))
    query = query.where(dispute.c.decided_day == day, dispute.c.cleared_day.is_(None), dispute.c.adjusted_fen != 0)
    return (await session.execute(query.group_by(*_GROUP))).all()


async def clear(session: AsyncSession, day: date) -> Sequence[Any]:
    """Put what was decided until this day into its settlement. Return the sums."""
    moved = (
        update(dispute)
        .where(dispute.c.decided_day <= day, dispute.c.cleared_day.is_(None))
        .values(cleared_day=day)
        .returning(*_GROUP, dispute.c.adjusted_fen)
        .cte("moved")
    )
    names = [moved.c[column.name] for column in _GROUP]
    query = select(*names, func.sum(moved.c.adjusted_fen).label("fen")).where(moved.c.adjusted_fen != 0)
    return (await session.execute(query.group_by(*names))).all()
