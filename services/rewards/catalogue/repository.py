"""SQL of the catalogue. Conditional statements move the stock; the CHECKs of the table enforce the same limits."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, any_, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.catalogue.domain import StockChange
from services.rewards.catalogue.models import item, item_stock


def _items() -> Select[*tuple[Any, ...]]:
    return select(item, item_stock.c.available).join(item_stock, item_stock.c.item_id == item.c.item_id)


async def listed(
    session: AsyncSession, *, category: str | None, words: Sequence[str], after: str | None, limit: int
) -> Sequence[Any]:
    query = _items().where(item.c.on_sale).order_by(item.c.item_id).limit(limit)
    if category is not None:
        query = query.where(item.c.category == category)
    if words:
        texts = (item.c.title_zh, item.c.title_en, item.c.description_zh, item.c.description_en, item.c.category)
        for word in words:
            query = query.where(or_(*(text.icontains(word, autoescape=True) for text in texts)))
    if after is not None:
        query = query.where(item.c.item_id > after)
    return (await session.execute(query)).all()


async def by_ids(session: AsyncSession, item_ids: Collection[str]) -> Sequence[Any]:
    return (await session.execute(_items().where(_among(item.c.item_id, item_ids)))).all()


def _among(column: ColumnElement[str], ids: Collection[str]) -> ColumnElement[bool]:
    """One parameter for the whole list, so that every length uses the same prepared statement."""
    return column == any_(literal(sorted(ids), ARRAY(Text)))


async def insert_missing(session: AsyncSession, **values: Any) -> None:
    await session.execute(insert(item).values(**values).on_conflict_do_nothing())
    await session.execute(insert(item_stock).values(item_id=values["item_id"]).on_conflict_do_nothing())


async def lock_available(session: AsyncSession, item_ids: Collection[str]) -> dict[str, int]:
    """Lock the stock of items by id. Return their available pieces."""
    rows = await session.execute(
        select(item_stock.c.item_id, item_stock.c.available)
        .where(_among(item_stock.c.item_id, item_ids))
        .order_by(item_stock.c.item_id)
        .with_for_update()
    )
    return {row.item_id: row.available for row in rows}


async def change_stock(session: AsyncSession, changes: Mapping[str, StockChange]) -> None:
    """Add to the counters of items, one item after another by id. The CHECKs of the table refuse a wrong sum."""
    for item_id in sorted(changes):
        change = changes[item_id]
        await session.execute(
            update(item_stock)
            .where(item_stock.c.item_id == item_id)
            .values(
                available=item_stock.c.available + change.available,
                reserved=item_stock.c.reserved + change.reserved,
                sold=item_stock.c.sold + change.sold,
            )
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
