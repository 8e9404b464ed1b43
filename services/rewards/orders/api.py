"""Routes of orders."""

import uuid
from functools import partial

from fastapi import APIRouter, Request, Response

from services.rewards.orders import service
from services.rewards.orders.errors import OrderNotCancellable
from services.rewards.orders.schemas import OrderRequest, OrderView
from services.rewards.orders.settling import ORDER
from services.rewards.sessions.service import SpendingCitizen
from services.rewards.settlement.domain import Status
from services.rewards.settlement.engine import SettlementEngine
from services.rewards.settlement.replies import REPLY_HEADERS, origin_of, respond
from shared.auth.tokens import Citizen
from shared.db import Database, Session
from shared.http_language import AskedLanguage
from shared.idempotency import RequiredKey
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards", tags=["订单 Orders"])


@router.post(
    "/orders",
    status_code=201,
    summary="兑换 · Redeem",
    response_model=OrderView,
    responses={
        201: {"headers": REPLY_HEADERS},
        202: {
            "model": OrderView,
            "description": "结果待定，稍后查询 Not settled yet; ask again with GET /orders/{order_id}",
        },
    },
)
async def place_order(
    request: Request, citizen: SpendingCitizen, key: RequiredKey, language: AskedLanguage, body: OrderRequest
) -> Response:
    """拒绝以 409 给出：INSUFFICIENT_BALANCE、SOLD_OUT、LIMIT_REACHED、BUDGET_EXHAUSTED、SALE_CLOSED。

    Refusals are 409 with these codes. A repeat with the same key gets the same answer and `Idempotent-Replayed: true`.
    """
    engine: SettlementEngine = request.app.state.settlements
    origin = origin_of(citizen, key, language)
    place = partial(
        service.place_order,
        origin=origin,
        item_id=body.item_id,
        quantity=body.quantity,
        client_request_id=body.client_request_id,
    )
    return respond(await engine.run(ORDER, origin, key, place))


@router.get("/me/orders", summary="我的订单 · My orders")
async def list_my_orders(
    session: Session, citizen: Citizen, language: AskedLanguage, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[OrderView]:
    before = position_of(cursor, uuid.UUID)
    found = await service.list_own_orders(session, user_id=citizen.user_id, before=before, limit=limit + 1)
    view = partial(OrderView.of, language=language)
    return Page.of(found, limit, item=view, cursor=lambda order: (order.order_id,))


@router.get("/orders/{order_id}", summary="订单详情 · One of my orders")
async def get_order(session: Session, citizen: Citizen, language: AskedLanguage, order_id: uuid.UUID) -> OrderView:
    return OrderView.of(
        await service.get_own_order(session, order_id=order_id, user_id=citizen.user_id), language=language
    )


@router.post(
    "/orders/{order_id}/cancel",
    summary="取消未完成的订单 · Cancel an order that is still pending",
    responses={202: {"model": OrderView, "description": "正在取消 Being cancelled"}},
)
async def cancel_order(
    request: Request, response: Response, citizen: Citizen, language: AskedLanguage, order_id: uuid.UUID
) -> OrderView:
    """已完成的订单返回 409 ORDER_NOT_CANCELLABLE。A confirmed order is refused; cancelling twice is harmless."""
    database: Database = request.app.state.db
    engine: SettlementEngine = request.app.state.settlements
    async with database.transaction() as session:
        await service.get_own_order(session, order_id=order_id, user_id=citizen.user_id)
    await engine.call_off(ORDER, order_id)
    async with database.transaction() as session:
        order = await service.get_own_order(session, order_id=order_id, user_id=citizen.user_id)
    if order.status is Status.CONFIRMED:
        raise OrderNotCancellable
    if order.status is not Status.CANCELLED:
        response.status_code = 202
    return OrderView.of(order, language=language)
