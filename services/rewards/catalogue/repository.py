"""SQL of the catalogue. Conditional statements move the stock; the CHECKs of the table enforce the same limits."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, any_, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from services.rewards.catalogue.domain import ItemStatus, Sort, StockChange
from services.rewards.catalogue.models import item, item_stock

_SEARCH = {"search_text", "search_grams"}
_SHOWN = [column for column in item.c if column.name not in _SEARCH]
# By column, and whether the largest comes first. Ids break ties in the same direction.
_ORDERS: dict[Sort, tuple[ColumnElement[Any], bool]] = {
    Sort.NEWEST: (item.c.published_at, True),
    Sort.CHEAPEST: (item.c.price_mg, False),
    Sort.DEAREST: (item.c.price_mg, True),
    Sort.POPULAR: (item_stock.c.sold, True),
}


def _items() -> Select[*tuple[Any, ...]]:
    stock = (item_stock.c.available, item_stock.c.sold)
    return select(*_SHOWN, *stock).join(item_stock, item_stock.c.item_id == item.c.item_id)


async def listed(
    session: AsyncSession,
    *,
    category: str | None,
    words: Sequence[str],
    sort: Sort,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Any]:
    """Return published items. `after`: the id, or for other orders the value and the id of the item before."""
    query = _items().where(item.c.status == literal(ItemStatus.PUBLISHED, literal_execute=True)).limit(limit)
    if category is not None:
        query = query.where(item.c.category == category)
    for word in words:
        query = query.where(*_holds(word))
    column, descends = _ORDERS.get(sort, (item.c.item_id, False))
    keys = (item.c.item_id,) if column is item.c.item_id else (column, item.c.item_id)
    query = query.order_by(*(key.desc() if descends else key for key in keys))
    if after is not None:
        here = tuple_(*keys)
        query = query.where(here < tuple_(*after) if descends else here > tuple_(*after))
    return (await session.execute(query)).all()


def _holds(word: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The word occurs in a text of the item. The index finds its pairs of letters, then the text is compared."""
    folded = func.rewards.folded(word)
    return item.c.search_grams.contains(func.rewards.grams_of(folded)), func.strpos(item.c.search_text, folded) > 0


async def takes_in_shop(session: AsyncSession, *, item_id: str, shop_id: str) -> bool:
    query = select(_taken_in(shop_id)).where(item.c.item_id == item_id)
    return bool(await session.scalar(query))


async def items_of_shop(session: AsyncSession, shop_id: str, limit: int) -> Sequence[str]:
    query = select(item.c.item_id).where(item.c.status != ItemStatus.DRAFT, _taken_in(shop_id))
    return (await session.scalars(query.order_by(item.c.published_at.desc(), item.c.item_id).limit(limit))).all()


def _taken_in(shop_id: str) -> ColumnElement[bool]:
    """An item that names no shop is taken in all."""
    return or_(item.c.shops == literal([], JSONB), item.c.shops.contains([shop_id]))


async def list_all(
    session: AsyncSession, *, status: ItemStatus | None, budget_id: str | None, after: str | None, limit: int
) -> Sequence[Any]:
    """Return items of every status by id, for operators."""
    query = _items().order_by(item.c.item_id).limit(limit)
    if status is not None:
        query = query.where(item.c.status == status)
    if budget_id is not None:
        query = query.where(item.c.budget_id == budget_id)
    if after is not None:
        query = query.where(item.c.item_id > after)
    return (await session.execute(query)).all()


async def lock_item(session: AsyncSession, item_id: str) -> Any | None:
    """Return the row of an item and lock it against other changes. Orders of the item go on."""
    query = select(*_SHOWN).where(item.c.item_id == item_id).with_for_update(key_share=True)
    return (await session.execute(query)).one_or_none()


async def insert_new(session: AsyncSession, **values: Any) -> bool:
    """Insert an item without stock. False if the id exists."""
    inserted = await session.execute(insert(item).values(**values).on_conflict_do_nothing().returning(item.c.item_id))
    if inserted.first() is None:
        return False
    await session.execute(insert(item_stock).values(item_id=values["item_id"]))
    return True


async def change_item(session: AsyncSession, item_id: str, **values: Any) -> None:
    await session.execute(update(item).where(item.c.item_id == item_id).values(version=item.c.version + 1, **values))


async def count_items(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.count()).select_from(item)) or 0)


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
    """Add pieces that can be redeemed, or take them away. The CHECKs of the table refuse more than there are."""
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
