"""The route of the feed."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.ingest.outcomes import service
from services.ingest.outcomes.schemas import OutcomeFeed, Shown
from services.ingest.signed import IdentifiedBy
from shared.db import Session
from shared.pagination import CURSOR_CHARS_MAX, LIMIT_DEFAULT, Limit, position_of

router = APIRouter(prefix="/api/v1/ingest", tags=["事件接入 Events"])


@router.get("/outcomes", summary="全部结果，按先后 · Every verdict, in order")
async def list_outcomes(
    caller: IdentifiedBy,
    session: Session,
    after: Annotated[
        str | None,
        Query(max_length=CURSOR_CHARS_MAX, description="上次的 next_cursor；缺省从头 · default: from the oldest"),
    ] = None,
    status: Annotated[Shown | None, Query(description="只要这一种 · only this status")] = None,
    limit: Limit = LIMIT_DEFAULT,
) -> OutcomeFeed:
    """保留 30 天。推送漏掉的都在这里；读到头后，凭 next_cursor 继续。带 status 时一页可能为空而 has_more 为真。

    Kept for 30 days. Has all that a webhook may have missed. Go on with `next_cursor`, also after the end. With a
    `status` a page may be empty while `has_more` is true.
    """
    position = position_of(after, int, field="query.after")
    page = await service.read_after(session, partner_id=caller.stored_as, after=position, status=status, limit=limit)
    return OutcomeFeed.of(page)
