"""Routes of the catalogue; public, like a shop window."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.rewards.catalogue import service
from services.rewards.catalogue.schemas import ItemView
from services.rewards.slugs import SLUG_PATTERN, SlugPath, slug
from services.rewards.wording import AskedLanguage
from shared import clock
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, encode_cursor

router = APIRouter(prefix="/api/v1/rewards", tags=["商城 Mall"])


@router.get("/items", summary="商品列表 · Items on offer")
async def list_items(
    session: Session,
    language: AskedLanguage,
    category: Annotated[str | None, Query(pattern=SLUG_PATTERN, description="类别 Category, e.g. food")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ItemView]:
    position = decode_cursor(cursor, slug)
    found = await service.items(session, category=category, after=position[0] if position else None, limit=limit + 1)
    instant = clock.now()
    has_more = len(found) > limit
    return Page(
        items=[ItemView.of(item, language=language, instant=instant) for item in found[:limit]],
        next_cursor=encode_cursor(found[limit - 1].item_id) if has_more else None,
        has_more=has_more,
    )


@router.get("/items/{item_id}", summary="商品详情 · One item")
async def get_item(session: Session, language: AskedLanguage, item_id: SlugPath) -> ItemView:
    return ItemView.of(await service.item(session, item_id=item_id), language=language, instant=clock.now())
