"""SQL of redemptions."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Date, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.redemptions.models import redemption

_NOW = func.clock_timestamp()
_TODAY = cast(func.timezone("Asia/Shanghai", _NOW), Date)


async def add(session: AsyncSession, values: Mapping[str, Any]) -> Any:
    """Insert a redemption. Return its row."""
    statement = insert(redemption).values(**values, recorded_day=_TODAY).returning(redemption)
    return (await session.execute(statement)).one()


async def get(session: AsyncSession, redemption_id: uuid.UUID) -> Any | None:
    query = select(redemption).where(redemption.c.redemption_id == redemption_id)
    return (await session.execute(query)).one_or_none()


async def undo(session: AsyncSession, redemption_id: uuid.UUID, *, within: timedelta) -> Any | None:
    """Mark a redemption as undone. None if it is too late, or another request was first."""
    statement = (
        update(redemption)
        .where(
            redemption.c.redemption_id == redemption_id,
            redemption.c.undone_at.is_(None),
            redemption.c.cleared_day.is_(None),
            redemption.c.recorded_at > _NOW - within,
        )
        .values(undone_at=_NOW)
        .returning(redemption)
    )
    return (await session.execute(statement)).one_or_none()


async def page(
    session: AsyncSession,
    *,
    shop_id: str | None,
    merchant_id: str | None,
    day: date | None,
    before: uuid.UUID | None,
    limit: int,
) -> Sequence[Any]:
    """Newest first."""
    query = select(redemption).order_by(redemption.c.redemption_id.desc()).limit(limit)
    if shop_id is not None:
        query = query.where(redemption.c.shop_id == shop_id)
    if merchant_id is not None:
        query = query.where(redemption.c.merchant_id == merchant_id)
    if day is not None:
        query = query.where(redemption.c.recorded_day == day)
    if before is not None:
        query = query.where(redemption.c.redemption_id < before)
    return (await session.execute(query)).all()


_GROUP = (redemption.c.merchant_id, redemption.c.shop_id, redemption.c.sponsor_id, redemption.c.item_id)


async def sums_of_day(session: AsyncSession, day: date) -> Sequence[Any]:
    """Return (merchant, shop, sponsor, item, pieces, fen) of a day that is not closed, without what was undone."""
    query = select(*_GROUP, func.count().label("pieces"), func.sum(redemption.c.fen).label("fen"))
    query = query.where(redemption.c.recorded_day == day, redemption.c.undone_at.is_(None))
    return (await session.execute(query.group_by(*_GROUP).order_by(*_GROUP))).all()


async def oldest_open_day(session: AsyncSession) -> date | None:
    query = select(func.min(redemption.c.recorded_day))
    query = query.where(redemption.c.undone_at.is_(None), redemption.c.cleared_day.is_(None))
    found: date | None = await session.scalar(query)
    return found


async def clear(session: AsyncSession, day: date) -> Sequence[Any]:
    """Put the redemptions until this day into its settlement. Return their sums. They cannot be undone any more."""
    moved = (
        update(redemption)
        .where(
            redemption.c.recorded_day <= day,
            redemption.c.undone_at.is_(None),
            redemption.c.cleared_day.is_(None),
        )
        .values(cleared_day=day)
        .returning(*_GROUP, redemption.c.fen)
        .cte("moved")
    )
    names = [moved.c[column.name] for column in _GROUP]
    query = select(*names, func.count().label("pieces"), func.sum(moved.c.fen).label("fen"))
    return (await session.execute(query.group_by(*names).order_by(*names))).all()


async def sums_of_vouchers(session: AsyncSession) -> tuple[int, int]:
    """Return (pieces, fen) of all redemptions that were not undone."""
    query = select(func.count(), func.coalesce(func.sum(redemption.c.fen), 0)).where(redemption.c.undone_at.is_(None))
    pieces, fen = (await session.execute(query)).one()
    return int(pieces), int(fen)
