"""Operators' routes of refunds."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends

from services.rewards.approvals.schemas import ProposalView, ReasonOnly
from services.rewards.orders import service as orders
from services.rewards.refunds import service
from services.rewards.refunds.schemas import OrderForOperators
from services.rewards.vouchers import refunding
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator, require_scope
from shared.db import Session

router = APIRouter(prefix="/api/v1/rewards/ops/orders", tags=["运营 Operations"])

RefundOperator = Annotated[Operator, Depends(require_scope(service.SCOPE))]


@router.get("/{order_id}", summary="一个订单（不含个人） · An order, without the person")
async def get_order_as_operator(session: Session, _operator: RefundOperator, order_id: uuid.UUID) -> OrderForOperators:
    row = await orders.get_order(session, order_id=order_id)
    return OrderForOperators.of(row, used_pieces=await refunding.count_used(session, order_id=order_id))


@router.post("/{order_id}/refund", status_code=202, summary="提议退回订单 · Propose to refund an order")
async def propose_refund(
    session: Session, approvals: RequestApprovals, operator: RefundOperator, order_id: uuid.UUID, body: ReasonOnly
) -> ProposalView:
    """已核销或过期的券也可退。另一人在 `/ops/proposals` 批准后，减碳量与限额全部退回；已核销的份数预算照付门店。

    Also with used or expired vouchers. Once a second person approves it under `/ops/proposals`, grams and limits come
    back, and stock and budget for what was not used: the shop is paid for what it handed out. A seen code of a
    partner's own system does not come back as stock.
    """
    return ProposalView.of(
        await service.propose(session, approvals, order_id=order_id, reason=body.reason, operator=operator)
    )
