"""SQL of the voucher pools."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.vouchers.models import voucher


async def insert_new(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> int:
    """Insert the codes that the pool does not have yet. Return their number."""
    inserted = await session.execute(
        insert(voucher).values(list(rows)).on_conflict_do_nothing().returning(voucher.c.voucher_id)
    )
    return len(inserted.all())


async def assign(session: AsyncSession, *, item_id: str, order_id: uuid.UUID, user_id: uuid.UUID, quantity: int) -> int:
    """Assign free codes that no other transaction has locked. Return their number."""
    free = (
        select(voucher.c.voucher_id)
        .where(voucher.c.item_id == item_id, voucher.c.order_id.is_(None))
        .order_by(voucher.c.voucher_id)
        .limit(quantity)
        .with_for_update(skip_locked=True)
        .cte("free")
    )
    line = func.row_number().over(order_by=free.c.voucher_id).label("line")
    numbered = select(free.c.voucher_id, line).cte("numbered")
    taken = await session.execute(
        update(voucher)
        .where(voucher.c.voucher_id == numbered.c.voucher_id)
        .values(order_id=order_id, order_line=numbered.c.line, user_id=user_id, assigned_at=func.clock_timestamp())
        .returning(voucher.c.voucher_id)
    )
    return len(taken.all())


async def of_orders(session: AsyncSession, order_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    return (
        await session.execute(
            select(voucher.c.voucher_id, voucher.c.order_id)
            .where(voucher.c.order_id.in_(order_ids))
            .order_by(voucher.c.order_id, voucher.c.order_line)
        )
    ).all()


async def owned(session: AsyncSession, *, voucher_id: uuid.UUID, user_id: uuid.UUID) -> Any | None:
    return (
        await session.execute(select(voucher).where(voucher.c.voucher_id == voucher_id, voucher.c.user_id == user_id))
    ).one_or_none()


async def counts(session: AsyncSession) -> Sequence[Any]:
    """Return rows of (item_id, free, assigned)."""
    return (
        await session.execute(
            select(
                voucher.c.item_id,
                func.count().filter(voucher.c.order_id.is_(None)).label("free"),
                func.count().filter(voucher.c.order_id.is_not(None)).label("assigned"),
            ).group_by(voucher.c.item_id)
        )
    ).all()
