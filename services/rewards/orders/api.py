"""Routes of orders."""

import uuid
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.rewards.orders import service
from services.rewards.orders.errors import OrderNotCancellable
from services.rewards.orders.schemas import (
    CLIENT_REQUEST_ID_PATTERN,
    OrderRequest,
    OrderView,
    ShownStatus,
    statuses_of,
)
from services.rewards.orders.service import Wanted
from services.rewards.orders.settling import ORDER
from services.rewards.settlement.desk import Desk
from services.rewards.settlement.domain import Status
from services.rewards.settlement.engine import SettlementEngine
from services.rewards.settlement.replies import REPLY_HEADERS, origin_of, respond
from services.rewards.settlement.service import Asked
from shared.auth.tokens import Citizen
from shared.db import Database, Session
from shared.http_language import AskedLanguage
from shared.idempotency import RequiredKey
from shared.live_sessions import LiveCitizen
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
    request: Request, citizen: LiveCitizen, key: RequiredKey, language: AskedLanguage, body: OrderRequest
) -> Response:
    """拒绝以 409 给出：INSUFFICIENT_BALANCE、SOLD_OUT、LIMIT_REACHED、BUDGET_EXHAUSTED、SALE_CLOSED、ACCOUNT_FROZEN。

    人太多时 429 TOO_MANY_AT_ONCE，按 Retry-After 再试。Refusals are 409 with these codes. A crowd may get 429
    TOO_MANY_AT_ONCE with Retry-After. A repeat with the same key gets the same answer and `Idempotent-Replayed: true`.
    """
    desk: Desk = request.app.state.desks[ORDER]
    wanted = Wanted(body.item_id, body.quantity, body.client_request_id)
    return respond(await desk.ask(Asked(origin_of(citizen, key, language, body), key, body.item_id, wanted)))


@router.get("/me/orders", summary="我的订单 · My orders")
async def list_my_orders(
    session: Session,
    citizen: Citizen,
    language: AskedLanguage,
    status: Annotated[ShownStatus | None, Query(description="只看某一状态 Only of this status")] = None,
    client_request_id: Annotated[
        str | None,
        Query(pattern=CLIENT_REQUEST_ID_PATTERN, description="找回没收到回答的订单 An order whose answer was lost"),
    ] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[OrderView]:
    """被拒绝的不是订单，不在此列。Refused requests are no orders and are not listed."""
    before = position_of(cursor, uuid.UUID)
    found = await service.list_own_orders(
        session,
        user_id=citizen.user_id,
        statuses=statuses_of(status),
        client_request_id=client_request_id,
        before=before,
        limit=limit + 1,
    )
    view = partial(OrderView.of, language=language)
    return Page.of(found, limit, item=view, cursor=lambda order: (order.order_id,))


@router.get("/orders/{order_id}", summary="订单详情 · One of my orders")
async def get_order(session: Session, citizen: Citizen, language: AskedLanguage, order_id: uuid.UUID) -> OrderView:
    return OrderView.of(
        await service.get_own_order(session, order_id=order_id, user_id=citizen.user_id), language=language
    )


@router.post(
    "/orders/{order_id}/cancel",
    summary="取消订单 · Cancel an order whose vouchers are unused",
    responses={202: {"model": OrderView, "description": "正在取消 Being cancelled"}},
)
async def cancel_order(
    request: Request, response: Response, citizen: Citizen, language: AskedLanguage, order_id: uuid.UUID
) -> OrderView:
    """券未使用前可以取消：减碳量、库存、限额、预算和券码都退回。

    While the vouchers are unused: grams, stock, limit, budget and code come back. Cancelling twice is harmless.
    """
    database: Database = request.app.state.db
    engine: SettlementEngine = request.app.state.settlements
    own = partial(service.get_own_order, order_id=order_id, user_id=citizen.user_id)
    async with database.transaction() as session:
        order = await own(session)
    if order.status is not Status.CONFIRMED:
        await engine.call_off(ORDER, order_id)
        async with database.transaction() as session:
            order = await own(session)
    if order.status is Status.CONFIRMED:
        await engine.give_back(ORDER, order_id)
        async with database.transaction() as session:
            order = await own(session)
    if order.status is Status.CONFIRMED:
        raise OrderNotCancellable
    if order.status is not Status.CANCELLED:
        response.status_code = 202
    return OrderView.of(order, language=language)
