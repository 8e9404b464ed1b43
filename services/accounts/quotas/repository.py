import uuid
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.quotas.models import QuotaUse


async def add_one(session: AsyncSession, *, user_id: uuid.UUID, purpose: str, window_ends_at: datetime) -> int:
    """Increment and return the count. Other uses of the same user and purpose wait for this transaction."""
    statement = insert(QuotaUse).values(user_id=user_id, purpose=purpose, window_ends_at=window_ends_at, used=1)
    statement = statement.on_conflict_do_update(
        index_elements=[QuotaUse.user_id, QuotaUse.purpose, QuotaUse.window_ends_at], set_={"used": QuotaUse.used + 1}
    )
    return (await session.execute(statement.returning(QuotaUse.used))).scalar_one()


async def delete_past_windows(session: AsyncSession, *, before: datetime, at_most: int) -> None:
    await session.execute(
        text(
            "DELETE FROM accounts.quota_use WHERE ctid = ANY(ARRAY("
            "SELECT ctid FROM accounts.quota_use WHERE window_ends_at < :before LIMIT :n))"
        ),
        {"before": before, "n": at_most},
    )
