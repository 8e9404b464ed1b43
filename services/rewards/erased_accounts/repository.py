"""SQL of erased accounts."""

import uuid
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.erased_accounts.models import erasure_task


async def erased_among(session: AsyncSession, account_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    found = select(erasure_task.c.account_id).where(erasure_task.c.account_id.in_(account_ids))
    return set((await session.scalars(found)).all())
