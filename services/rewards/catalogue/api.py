"""Routes of the catalogue. They are public."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query

from services.rewards.catalogue import service
from services.rewards.catalogue.domain import Sort
from services.rewards.catalogue.schemas import ItemView
from services.rewards.catalogue.service import Item
from services.rewards.slugs import SLUG_PATTERN, SlugPath, slug
from shared import clock
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, Position, decode_cursor

router = APIRouter(prefix="/api/v1/rewards", tags=["商城 Mall"])


@router.get("/items", summary="商品列表 · Items on offer")
async def list_items(
    session: Session,
    language: AskedLanguage,
    category: Annotated[str | None, Query(pattern=SLUG_PATTERN, description="类别 Category, e.g. food")] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=50,
            pattern=r"^[^\x00]*$",
            description="搜索名称与说明，词间空格 Words of the texts",
        ),
    ] = None,
    sort: Annotated[Sort, Query(description="排序：新品、价格、热度 The order; by id unless asked")] = Sort.DEFAULT,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ItemView]:
    """翻页时用同一 sort。Use a cursor with the `sort` that it came from."""
    words = (q or "").split()
    found = await service.list_items(
        session, category=category, words=words, sort=sort, after=_position(cursor, sort), limit=limit + 1
    )
    view = partial(ItemView.of, language=language, instant=clock.now())
    return Page.of(found, limit, item=view, cursor=partial(_cursor, sort=sort))


def _position(cursor: str | None, sort: Sort) -> tuple[Any, ...] | None:
    """Raises InvalidRequest for a cursor of another order."""
    if sort is Sort.DEFAULT:
        return decode_cursor(cursor, slug)

    def same(name: str) -> str:
        if name != sort:
            raise ValueError(name)
        return name

    found = decode_cursor(cursor, same, datetime.fromisoformat if sort is Sort.NEWEST else int, slug)
    return None if found is None else found[1:]


def _cursor(item: Item, sort: Sort) -> tuple[Position, ...]:
    return (item.item_id,) if sort is Sort.DEFAULT else (sort, service.sort_value(item, sort), item.item_id)


@router.get("/items/{item_id}", summary="商品详情 · One item")
async def get_item(session: Session, language: AskedLanguage, item_id: SlugPath) -> ItemView:
    return ItemView.of(await service.get_item(session, item_id=item_id), language=language, instant=clock.now())
