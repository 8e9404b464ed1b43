"""SQL of orders and of the limit per person."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.orders.models import item_taken, orders
from services.rewards.settlement.domain import Status

_OPEN = (Status.PENDING, Status.CANCELLING)


async def by_client_request(session: AsyncSession, user_id: uuid.UUID, client_request_id: str) -> Any:
    query = select(orders).where(orders.c.user_id == user_id, orders.c.client_request_id == client_request_id)
    return (await session.execute(query)).one()


async def by_id(session: AsyncSession, order_id: uuid.UUID) -> Any:
    return (await session.execute(select(orders).where(orders.c.order_id == order_id))).one()


async def owned(session: AsyncSession, order_id: uuid.UUID, user_id: uuid.UUID) -> Any | None:
    query = select(orders).where(orders.c.order_id == order_id, orders.c.user_id == user_id)
    return (await session.execute(query)).one_or_none()


async def owned_page(
    session: AsyncSession, *, user_id: uuid.UUID, before: uuid.UUID | None, limit: int
) -> Sequence[Any]:
    query = select(orders).where(orders.c.user_id == user_id).order_by(orders.c.order_id.desc()).limit(limit)
    if before is not None:
        query = query.where(orders.c.order_id < before)
    return (await session.execute(query)).all()


async def take_within_limit(
    session: AsyncSession, *, user_id: uuid.UUID, item_id: str, quantity: int, limit: int | None
) -> bool:
    """Count pieces towards the limit per person. False if they would exceed it."""
    if limit is not None and quantity > limit:
        return False
    new = insert(item_taken).values(user_id=user_id, item_id=item_id, taken=quantity, limit_quantity=limit)
    total = item_taken.c.taken + new.excluded.taken
    counted = await session.execute(
        new.on_conflict_do_update(
            index_elements=[item_taken.c.user_id, item_taken.c.item_id],
            set_={"taken": total, "limit_quantity": new.excluded.limit_quantity},
            where=or_(new.excluded.limit_quantity.is_(None), total <= new.excluded.limit_quantity),
        ).returning(item_taken.c.taken)
    )
    return counted.first() is not None


async def give_back_taken(session: AsyncSession, *, user_id: uuid.UUID, item_id: str, quantity: int) -> None:
    await session.execute(
        update(item_taken)
        .where(item_taken.c.user_id == user_id, item_taken.c.item_id == item_id)
        .values(taken=item_taken.c.taken - quantity)
    )


async def quantities_by_item(session: AsyncSession) -> Sequence[Any]:
    """Return rows of (item_id, open, confirmed): pieces in open and in confirmed orders."""
    quantity = func.sum(orders.c.quantity)
    return (
        await session.execute(
            select(
                orders.c.item_id,
                func.coalesce(quantity.filter(orders.c.status.in_(_OPEN)), 0).label("open"),
                func.coalesce(quantity.filter(orders.c.status == Status.CONFIRMED), 0).label("confirmed"),
            ).group_by(orders.c.item_id)
        )
    ).all()


async def costs_by_budget(session: AsyncSession) -> Sequence[Any]:
    """Return rows of (budget_id, open, confirmed), in fen."""
    cost = func.sum(orders.c.cost_fen)
    return (
        await session.execute(
            select(
                orders.c.budget_id,
                func.coalesce(cost.filter(orders.c.status.in_(_OPEN)), 0).label("open"),
                func.coalesce(cost.filter(orders.c.status == Status.CONFIRMED), 0).label("confirmed"),
            ).group_by(orders.c.budget_id)
        )
    ).all()


async def count_wrong_limits(session: AsyncSession) -> int:
    """Count counters of a user and item that differ from the sum of the orders not cancelled."""
    live = (
        select(orders.c.user_id, orders.c.item_id, func.sum(orders.c.quantity).label("quantity"))
        .where(orders.c.status != Status.CANCELLED)
        .group_by(orders.c.user_id, orders.c.item_id)
        .subquery()
    )
    same_person = (live.c.user_id == item_taken.c.user_id) & (live.c.item_id == item_taken.c.item_id)
    query = (
        select(func.count())
        .select_from(item_taken.outerjoin(live, same_person, full=True))
        .where(func.coalesce(live.c.quantity, literal(0)) != func.coalesce(item_taken.c.taken, literal(0)))
    )
    return int(await session.scalar(query) or 0)
