"""SQL of pictures."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.pictures.models import picture


async def insert_new(session: AsyncSession, **values: Any) -> bool:
    """False if the same content is stored already."""
    inserted = await session.execute(
        insert(picture).values(**values).on_conflict_do_nothing().returning(picture.c.sha256)
    )
    return inserted.first() is not None


async def find(session: AsyncSession, sha256: str) -> Any | None:
    return (await session.execute(select(picture).where(picture.c.sha256 == sha256))).one_or_none()


async def known(session: AsyncSession, hashes: Collection[str]) -> set[str]:
    among = picture.c.sha256 == any_(literal(sorted(hashes), ARRAY(Text)))
    return set((await session.scalars(select(picture.c.sha256).where(among))).all())


async def count(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.count()).select_from(picture)) or 0)
