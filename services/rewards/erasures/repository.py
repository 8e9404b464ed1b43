"""SQL of erasures."""

import uuid
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.database import OPEN
from shared.db import driver


async def has_open_settlements(session: AsyncSession, user_id: uuid.UUID) -> bool:
    found = text(
        f"SELECT EXISTS (SELECT FROM rewards.orders WHERE user_id = :user_id AND {OPEN})"
        f" OR EXISTS (SELECT FROM rewards.donation WHERE user_id = :user_id AND {OPEN})"
        # A bank that has not answered may still refuse: then the grams go back.
        f" OR EXISTS (SELECT FROM rewards.loan_offset WHERE user_id = :user_id"
        f" AND ({OPEN} OR status = 'confirmed' AND bank_status = 'waiting'))"
    )
    return bool((await session.execute(found, {"user_id": user_id})).scalar_one())


async def erased_among(session: AsyncSession, account_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    rows = await (await driver(session)).fetch(
        "SELECT account_id FROM rewards.erasure_task WHERE account_id = ANY($1::uuid[])", account_ids
    )
    return {row[0] for row in rows}
