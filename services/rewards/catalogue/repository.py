"""SQL of the catalogue. Conditional statements move the stock; the CHECKs of the table enforce the same limits."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.catalogue.models import item, item_stock


def _items() -> Select[*tuple[Any, ...]]:
    return select(item, item_stock.c.available).join(item_stock, item_stock.c.item_id == item.c.item_id)


async def listed(session: AsyncSession, *, category: str | None, after: str | None, limit: int) -> Sequence[Any]:
    query = _items().where(item.c.on_sale).order_by(item.c.item_id).limit(limit)
    if category is not None:
        query = query.where(item.c.category == category)
    if after is not None:
        query = query.where(item.c.item_id > after)
    return (await session.execute(query)).all()


async def by_ids(session: AsyncSession, item_ids: Sequence[str]) -> Sequence[Any]:
    return (await session.execute(_items().where(item.c.item_id.in_(item_ids)))).all()


async def insert_missing(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(item).values(**values).on_conflict_do_nothing())
    await session.execute(insert(item_stock).values(item_id=values["item_id"]).on_conflict_do_nothing())


async def reserve(session: AsyncSession, item_id: str, quantity: int) -> bool:
    found = await session.execute(
        update(item_stock)
        .where(item_stock.c.item_id == item_id, item_stock.c.available >= quantity)
        .values(available=item_stock.c.available - quantity, reserved=item_stock.c.reserved + quantity)
        .returning(item_stock.c.item_id)
    )
    return found.first() is not None


async def sell_reserved(session: AsyncSession, item_id: str, quantity: int) -> None:
    await session.execute(
        update(item_stock)
        .where(item_stock.c.item_id == item_id)
        .values(reserved=item_stock.c.reserved - quantity, sold=item_stock.c.sold + quantity)
    )


async def return_reserved(session: AsyncSession, item_id: str, quantity: int) -> None:
    await session.execute(
        update(item_stock)
        .where(item_stock.c.item_id == item_id)
        .values(reserved=item_stock.c.reserved - quantity, available=item_stock.c.available + quantity)
    )


async def add_stock(session: AsyncSession, item_id: str, quantity: int) -> None:
    await session.execute(
        update(item_stock)
        .where(item_stock.c.item_id == item_id)
        .values(loaded=item_stock.c.loaded + quantity, available=item_stock.c.available + quantity)
    )


async def locked_stock(session: AsyncSession, item_id: str) -> Any | None:
    return (
        await session.execute(select(item_stock).where(item_stock.c.item_id == item_id).with_for_update())
    ).one_or_none()


async def stock_rows(session: AsyncSession, limit: int) -> Sequence[Any]:
    return (await session.execute(select(item_stock).order_by(item_stock.c.item_id).limit(limit))).all()
