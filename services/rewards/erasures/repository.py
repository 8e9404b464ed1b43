"""SQL of erasures."""

import uuid

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.database import OPEN


async def has_open_settlements(session: AsyncSession, user_id: uuid.UUID) -> bool:
    found = text(
        f"SELECT EXISTS (SELECT FROM rewards.orders WHERE user_id = :user_id AND {OPEN})"
        f" OR EXISTS (SELECT FROM rewards.donation WHERE user_id = :user_id AND {OPEN})"
        # A bank that has not answered may still refuse: then the grams go back.
        f" OR EXISTS (SELECT FROM rewards.loan_offset WHERE user_id = :user_id"
        f" AND ({OPEN} OR status = 'confirmed' AND bank_status = 'waiting'))"
    )
    return bool((await session.execute(found, {"user_id": user_id})).scalar_one())
