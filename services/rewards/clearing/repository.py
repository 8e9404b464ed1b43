"""SQL of the daily settlement."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.clearing.models import clearing_day, clearing_line


async def take_turn(session: AsyncSession) -> None:
    """Wait until no other process closes a day. Ends with the transaction."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('rewards.clearing', 0))"))


async def get_day(session: AsyncSession, day: date) -> Any | None:
    return (await session.execute(select(clearing_day).where(clearing_day.c.day == day))).one_or_none()


async def add_day(session: AsyncSession, values: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> None:
    await session.execute(insert(clearing_day).values(**values))
    if lines:
        await session.execute(insert(clearing_line), [dict(line) for line in lines])


async def lines_of(session: AsyncSession, day: date) -> Sequence[Any]:
    query = select(clearing_line).where(clearing_line.c.day == day)
    keys = (clearing_line.c.merchant_id, clearing_line.c.shop_id, clearing_line.c.sponsor_id, clearing_line.c.item_id)
    return (await session.execute(query.order_by(*keys))).all()


async def newest_day(session: AsyncSession) -> date | None:
    return await session.scalar(select(clearing_day.c.day).order_by(clearing_day.c.day.desc()).limit(1))
