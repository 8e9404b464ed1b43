"""SQL of codes that are used up with a refund, and of free codes that an operator removes."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Uuid, and_, any_, delete, exists, func, literal, not_, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.vouchers.models import voucher

# A code that nobody else can get: a partner's own one that was seen.
_SPENT = and_(voucher.c.imported, voucher.c.opened_at.is_not(None))
# A used or expired one stays what it is, as the record of its end.
_ENDED = or_(voucher.c.used_at.is_not(None), voucher.c.expired_at.is_not(None))


async def withdraw(session: AsyncSession, order_id: uuid.UUID) -> int:
    """Withdraw the codes of an order, and retire those that nobody else can get. Return the number of used ones."""
    rows = await session.execute(
        update(voucher)
        .where(voucher.c.order_id == order_id)
        .values(withdrawn=not_(_ENDED), retired=or_(_SPENT, _ENDED))
        .returning(voucher.c.used_at)
    )
    return sum(row.used_at is not None for row in rows)


async def count_used(session: AsyncSession, order_id: uuid.UUID) -> int:
    query = select(func.count()).where(voucher.c.order_id == order_id, voucher.c.used_at.is_not(None))
    return int(await session.scalar(query) or 0)


async def retired_of(session: AsyncSession, order_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    """Return rows of (item_id, replaceable, pieces) of the retired codes of orders.

    Only an expired code of our own is replaced by a new one.
    """
    replaceable = and_(~voucher.c.imported, voucher.c.used_at.is_(None)).label("replaceable")
    query = (
        select(voucher.c.item_id, replaceable, func.count().label("pieces"))
        .where(voucher.c.order_id == any_(literal(list(order_ids), ARRAY(Uuid))), voucher.c.retired)
        .group_by(voucher.c.item_id, replaceable)
        .order_by(voucher.c.item_id, replaceable)
    )
    return (await session.execute(query)).all()


async def has_imported(session: AsyncSession, item_id: str) -> bool:
    return bool(await session.scalar(select(exists().where(voucher.c.item_id == item_id, voucher.c.imported))))


async def delete_free(session: AsyncSession, item_id: str, quantity: int) -> int:
    """Delete free codes of our own that no other transaction holds, the newest first. Return their number."""
    chosen = (
        select(voucher.c.voucher_id)
        .where(voucher.c.item_id == item_id, voucher.c.order_id.is_(None), ~voucher.c.imported)
        .order_by(voucher.c.voucher_id.desc())
        .limit(quantity)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    deleted = await session.execute(
        delete(voucher).where(voucher.c.voucher_id == chosen.c.voucher_id).returning(voucher.c.voucher_id)
    )
    return len(deleted.all())
