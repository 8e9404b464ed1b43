"""SQL of public names."""

import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import Uuid, any_, delete, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.donor_names.models import donor_name


async def save(session: AsyncSession, user_id: uuid.UUID, name: str) -> Any:
    new = insert(donor_name).values(user_id=user_id, name=name)
    saved = new.on_conflict_do_update(
        index_elements=[donor_name.c.user_id], set_={"name": name, "agreed_at": func.clock_timestamp()}
    )
    return (await session.execute(saved.returning(donor_name))).one()


async def remove(session: AsyncSession, user_id: uuid.UUID) -> None:
    await session.execute(delete(donor_name).where(donor_name.c.user_id == user_id))


async def of_users(session: AsyncSession, user_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Any]:
    among = donor_name.c.user_id == any_(literal(sorted(user_ids), ARRAY(Uuid)))
    return {row.user_id: row for row in await session.execute(select(donor_name).where(among))}
