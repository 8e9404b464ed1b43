"""Use cases of the catalogue: show items, move pieces between available, reserved and sold."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from services.rewards.budgets import service as budgets
from services.rewards.budgets.service import Sponsor
from services.rewards.catalogue import repository
from services.rewards.catalogue.domain import ItemStatus, Limits, Offer, Sort, StockChange
from services.rewards.catalogue.errors import ItemExists, ItemNotFound
from shared import clock, telemetry
from shared.db import Session
from shared.language import Text

# The mall of a city has hundreds of items. The stock check reads all of them in one statement.
ITEMS_MAX = 20_000
ITEMS_OF_SHOP_MAX = 5_000
# Below a tenth of the loaded pieces an operator should order more codes: partners need days to deliver them.
_LOW_STOCK_DIVISOR = 10

NO_TEXT = Text("", "")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ItemTexts:
    title: Text
    description: Text = NO_TEXT


@dataclass(frozen=True, slots=True)
class Item:
    """An item as offered now. Per piece, the citizen pays `price_mg` and the budget `price_fen`."""

    item_id: str
    texts: ItemTexts
    category: str
    images: tuple[str, ...]
    price_mg: int
    price_fen: int
    stock: int
    budget_id: str
    sponsor: Sponsor
    per_user_limit: int | None
    offer: Offer
    status: ItemStatus
    limits: Limits
    value_fen: int | None
    shops: tuple[str, ...]
    sold: int
    version: int
    published_at: datetime | None


def _texts(row: Any) -> ItemTexts:
    return ItemTexts(Text(row.title_zh, row.title_en), Text(row.description_zh, row.description_en))


def _item(row: Any, sponsor: Sponsor) -> Item:
    return Item(
        item_id=row.item_id,
        texts=_texts(row),
        category=row.category,
        images=tuple(row.images),
        price_mg=row.price_mg,
        price_fen=row.price_fen,
        stock=row.available,
        budget_id=row.budget_id,
        sponsor=sponsor,
        per_user_limit=row.per_user_limit,
        offer=Offer(row.status == ItemStatus.PUBLISHED, row.sale_starts_at, row.sale_ends_at),
        status=ItemStatus(row.status),
        limits=Limits(row.day_limit, row.month_limit, row.promotion, row.promotion_limit),
        value_fen=row.value_fen,
        shops=tuple(row.shops),
        sold=row.sold,
        version=row.version,
        published_at=row.published_at,
    )


async def _with_sponsors(session: Session, rows: Sequence[Any]) -> list[Item]:
    found = await budgets.sponsors_of(session, budget_ids=sorted({row.budget_id for row in rows}))
    return [_item(row, found[row.budget_id]) for row in rows]


async def list_items(
    session: Session,
    *,
    category: str | None,
    words: Sequence[str] = (),
    sort: Sort = Sort.DEFAULT,
    after: tuple[Any, ...] | None,
    limit: int,
) -> list[Item]:
    """Return the published items after `after`. Each of the words occurs in their texts or category.

    `after`: the id of an item, or in another order than the default one the value of `sort_value` and the id.
    """
    rows = await repository.listed(session, category=category, words=words, sort=sort, after=after, limit=limit)
    return await _with_sponsors(session, rows)


def sort_value(item: Item, sort: Sort) -> int | datetime:
    """Return the value by which an item is sorted."""
    if sort is Sort.NEWEST:
        assert item.published_at is not None
        return item.published_at
    return item.sold if sort is Sort.POPULAR else item.price_mg


async def list_all(
    session: Session,
    *,
    status: ItemStatus | None = None,
    budget_id: str | None = None,
    after: str | None,
    limit: int,
) -> list[Item]:
    """Return items of every status after the id `after`, by id. For operators."""
    rows = await repository.list_all(session, status=status, budget_id=budget_id, after=after, limit=limit)
    return await _with_sponsors(session, rows)


async def get_items(session: Session, *, item_ids: Collection[str]) -> dict[str, Item]:
    """Return the items that exist, by id, also those no longer on sale."""
    return {item.item_id: item for item in await _with_sponsors(session, await repository.by_ids(session, item_ids))}


async def get_item(session: Session, *, item_id: str) -> Item:
    """Return an item, also one no longer on sale: old orders refer to it. Raises ItemNotFound, also for a draft."""
    item = await get_any_item(session, item_id=item_id)
    if item.status is ItemStatus.DRAFT:
        raise ItemNotFound
    return item


async def get_any_item(session: Session, *, item_id: str) -> Item:
    """Return an item of any status. Raises ItemNotFound."""
    rows = await repository.by_ids(session, [item_id])
    if not rows:
        raise ItemNotFound
    return (await _with_sponsors(session, rows))[0]


async def takes_in_shop(session: Session, *, item_id: str, shop_id: str) -> bool:
    """Whether a shop takes vouchers of an item: the item names the shop, or none. Also once it is withdrawn."""
    return await repository.takes_in_shop(session, item_id=item_id, shop_id=shop_id)


async def list_items_of_shop(session: Session, *, shop_id: str) -> Sequence[str]:
    """Return the ids of the items that a shop takes, the newest first, at most ITEMS_OF_SHOP_MAX."""
    return await repository.items_of_shop(session, shop_id, ITEMS_OF_SHOP_MAX)


async def count_items(session: Session) -> int:
    return await repository.count_items(session)


async def lock_item(session: Session, *, item_id: str) -> Any:
    """Return the row of an item and keep others from changing it. Orders go on. Raises ItemNotFound."""
    row = await repository.lock_item(session, item_id)
    if row is None:
        raise ItemNotFound
    return row


async def add_draft(session: Session, *, item_id: str, columns: Mapping[str, Any]) -> None:
    """Add a draft without stock. Raises ItemExists."""
    values = {**columns, "item_id": item_id, "status": ItemStatus.DRAFT, "published_at": None}
    if not await repository.insert_new(session, **values):
        raise ItemExists


async def change_item(session: Session, *, item_id: str, columns: Mapping[str, Any]) -> None:
    """Change columns and raise the version. Orders keep the price, the cost and the title that they were placed with.

    The caller holds the lock of `lock_item`.
    """
    await repository.change_item(session, item_id, **columns)


async def publish(session: Session, *, item_id: str) -> None:
    await repository.change_item(session, item_id, status=ItemStatus.PUBLISHED, published_at=clock.now())


async def withdraw(session: Session, *, item_id: str) -> None:
    await repository.change_item(session, item_id, status=ItemStatus.WITHDRAWN)


async def texts_of(session: Session, *, item_ids: Iterable[str]) -> dict[str, ItemTexts]:
    rows = await repository.by_ids(session, sorted(set(item_ids)))
    return {row.item_id: _texts(row) for row in rows}


async def offer_item(
    session: Session,
    *,
    item_id: str,
    texts: ItemTexts,
    category: str,
    price_mg: int,
    price_fen: int,
    budget_id: str,
    per_user_limit: int | None,
    images: Sequence[str] = (),
    sale_starts_at: datetime | None = None,
    sale_ends_at: datetime | None = None,
    limits: Limits | None = None,
    value_fen: int | None = None,
    shops: Sequence[str] = (),
) -> None:
    """Add a published item without stock. An existing one is not changed."""
    limits = limits or Limits()
    await repository.insert_missing(
        session,
        item_id=item_id,
        title_zh=texts.title.zh,
        title_en=texts.title.en,
        description_zh=texts.description.zh,
        description_en=texts.description.en,
        category=category,
        images=list(images),
        price_mg=price_mg,
        price_fen=price_fen,
        budget_id=budget_id,
        per_user_limit=per_user_limit,
        sale_starts_at=sale_starts_at,
        sale_ends_at=sale_ends_at,
        day_limit=limits.per_day,
        month_limit=limits.per_month,
        promotion=limits.promotion,
        promotion_limit=limits.per_promotion,
        value_fen=value_fen,
        shops=list(shops),
    )


async def lock_available(session: Session, *, item_ids: Collection[str]) -> dict[str, int]:
    """Lock the stock of items until the transaction ends. Return their available pieces."""
    return await repository.lock_available(session, item_ids)


async def change_stock(session: Session, *, changes: Mapping[str, StockChange]) -> None:
    """Move pieces between available, reserved and sold. Newly reserved ones were available under `lock_available`."""
    await repository.change_stock(session, changes)


async def lock_stock(session: Session, *, item_id: str) -> int:
    """Lock the stock until the transaction ends. Return the number of loaded pieces. Raises ItemNotFound."""
    row = await repository.locked_stock(session, item_id)
    if row is None:
        raise ItemNotFound
    return int(row.loaded)


async def add_stock(session: Session, *, item_id: str, quantity: int) -> None:
    """Add pieces, or with a negative quantity remove available ones. The caller changes the pool of codes alike."""
    await repository.add_stock(session, item_id, quantity)


async def list_stock(session: Session) -> Sequence[Any]:
    """Return rows of (item_id, loaded, available, reserved, sold)."""
    return await repository.stock_rows(session, ITEMS_MAX)


async def report_low_stock(session: Session) -> None:
    """Timed job: export the stock as a metric and log the items that run out."""
    for row in await repository.stock_rows(session, ITEMS_MAX):
        telemetry.REWARD_STOCK.labels(row.item_id).set(row.available)
        if row.available * _LOW_STOCK_DIVISOR < row.loaded:
            _log.warning("low_voucher_stock", item_id=row.item_id, available=row.available, loaded=row.loaded)
