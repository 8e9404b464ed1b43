"""Routes of the catalogue. They are public."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from services.rewards.catalogue import service
from services.rewards.catalogue.schemas import ItemView
from services.rewards.slugs import SLUG_PATTERN, SlugPath, slug
from shared import clock
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

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
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ItemView]:
    after = position_of(cursor, slug)
    words = (q or "").split()
    found = await service.list_items(session, category=category, words=words, after=after, limit=limit + 1)
    view = partial(ItemView.of, language=language, instant=clock.now())
    return Page.of(found, limit, item=view, cursor=lambda item: (item.item_id,))


@router.get("/items/{item_id}", summary="商品详情 · One item")
async def get_item(session: Session, language: AskedLanguage, item_id: SlugPath) -> ItemView:
    return ItemView.of(await service.get_item(session, item_id=item_id), language=language, instant=clock.now())
