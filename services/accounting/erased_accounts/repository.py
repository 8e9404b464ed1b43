"""SQL of erased accounts."""

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql.functions import now

from services.accounting.erased_accounts.models import erased_balance, erasure_task


async def erased_among(session: AsyncSession, account_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    found = select(erasure_task.c.account_id).where(erasure_task.c.account_id.in_(account_ids))
    return set((await session.scalars(found)).all())


async def watch_balance(session: AsyncSession, account_id: uuid.UUID) -> None:
    statement = insert(erased_balance).values(account_id=account_id, looked_at=now())
    await session.execute(statement.on_conflict_do_nothing())


async def take_balances(session: AsyncSession, *, older_than_s: int, limit: int) -> Sequence[uuid.UUID]:
    """Return accounts that nobody looked at for a while, marked as looked at now."""
    due = (
        select(erased_balance.c.account_id)
        .where(erased_balance.c.looked_at <= now() - timedelta(seconds=older_than_s))
        .order_by(erased_balance.c.looked_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    marked = update(erased_balance).where(erased_balance.c.account_id.in_(due)).values(looked_at=now())
    return (await session.scalars(marked.returning(erased_balance.c.account_id))).all()


async def forget_balance(session: AsyncSession, account_id: uuid.UUID) -> None:
    await session.execute(delete(erased_balance).where(erased_balance.c.account_id == account_id))
