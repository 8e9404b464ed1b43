"""Routes of monthly giving."""

import uuid
from functools import partial

from fastapi import APIRouter, Request

from services.rewards.settings import Settings
from services.rewards.standing_orders import service
from services.rewards.standing_orders.schemas import StandingOrderRequest, StandingOrderView
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.live_sessions import LiveCitizen
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards/me/standing-orders", tags=["公益 Campaigns"])


def _time_zone(request: Request) -> str:
    settings: Settings = request.app.state.settings
    return settings.time_zone


@router.post("", status_code=201, summary="每月捐赠 · Give every month")
async def begin_standing_order(
    request: Request, session: Session, citizen: LiveCitizen, language: AskedLanguage, body: StandingOrderRequest
) -> StandingOrderView:
    """到日自动捐出；当月减碳量不够就跳过，不欠账。一项活动一人一项，重复提交得到 STANDING_ORDER_EXISTS 和原来的编号。

    A month without enough grams is skipped and leaves no debt. One per campaign and person: a repeat is answered with
    STANDING_ORDER_EXISTS and the id of the first one.
    """
    made = await service.begin(
        session,
        user_id=citizen.user_id,
        account_id=citizen.account_id,
        plan=body.to_plan(),
        language=language,
        time_zone=_time_zone(request),
    )
    return StandingOrderView.of(made, language=language)


@router.get("", summary="我的每月捐赠 · My monthly donations")
async def list_my_standing_orders(
    session: Session, citizen: Citizen, language: AskedLanguage, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[StandingOrderView]:
    """含每个月的结果：捐出，或跳过的原因。With what became of each month."""
    before = position_of(cursor, uuid.UUID)
    found = await service.list_orders(session, user_id=citizen.user_id, before=before, limit=limit + 1)
    view = partial(StandingOrderView.of, language=language)
    return Page.of(found, limit, item=view, cursor=lambda order: (order.standing_order_id,))


@router.get("/{standing_order_id}", summary="一项每月捐赠 · One of my monthly donations")
async def get_standing_order(
    session: Session, citizen: Citizen, language: AskedLanguage, standing_order_id: uuid.UUID
) -> StandingOrderView:
    found = await service.get_order(session, user_id=citizen.user_id, standing_order_id=standing_order_id)
    return StandingOrderView.of(found, language=language)


@router.post("/{standing_order_id}/pause", summary="暂停 · Pause")
async def pause_standing_order(
    session: Session, citizen: LiveCitizen, language: AskedLanguage, standing_order_id: uuid.UUID
) -> StandingOrderView:
    found = await service.pause(session, user_id=citizen.user_id, standing_order_id=standing_order_id)
    return StandingOrderView.of(found, language=language)


@router.post("/{standing_order_id}/resume", summary="恢复 · Resume")
async def resume_standing_order(
    request: Request, session: Session, citizen: LiveCitizen, language: AskedLanguage, standing_order_id: uuid.UUID
) -> StandingOrderView:
    """从下一个日期起继续，暂停的月份不补捐。From the next due day on; paused months are not made up for."""
    found = await service.resume(
        session, user_id=citizen.user_id, standing_order_id=standing_order_id, time_zone=_time_zone(request)
    )
    return StandingOrderView.of(found, language=language)


@router.delete("/{standing_order_id}", summary="取消 · Cancel")
async def cancel_standing_order(
    session: Session, citizen: LiveCitizen, language: AskedLanguage, standing_order_id: uuid.UUID
) -> StandingOrderView:
    """立即生效，办理中的一笔照常完成。At once; a donation under way goes on."""
    found = await service.cancel(session, user_id=citizen.user_id, standing_order_id=standing_order_id)
    return StandingOrderView.of(found, language=language)
