"""SQL of the receivers of captures."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text

from services.accounting.ledger.models import capture_target


async def known_of(session: AsyncSession, codes: Collection[str]) -> set[str]:
    among = any_(literal(list(codes), ARRAY(Text)))
    return set(await session.scalars(select(capture_target.c.code).where(capture_target.c.code == among)))


async def listed(session: AsyncSession, *, after: str | None, limit: int) -> Sequence[Any]:
    query = select(capture_target).order_by(capture_target.c.code).limit(limit)
    if after is not None:
        query = query.where(capture_target.c.code > after)
    return (await session.execute(query)).all()


async def add(session: AsyncSession, *, code: str, title_zh: str, title_en: str) -> bool:
    """Return whether it is new."""
    added = await session.execute(
        insert(capture_target)
        .values(code=code, title_zh=title_zh, title_en=title_en)
        .on_conflict_do_nothing()
        .returning(capture_target.c.code)
    )
    return added.first() is not None
