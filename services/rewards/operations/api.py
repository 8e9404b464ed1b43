"""Routes of operators."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from services.rewards.operations import service
from services.rewards.operations.schemas import StockCheckView, StuckSettlement
from services.rewards.settlement.engine import SettlementEngine
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.pagination import LIMIT_MAX, Limit, Page

router = APIRouter(prefix="/api/v1/rewards/ops", tags=["运营 Operations"])

RewardsOperator = Annotated[Operator, Depends(require_scope("ops:rewards"))]


@router.get("/orders/stuck", summary="未能及时完成的订单与捐赠 · Orders and donations that hang")
async def list_stuck(
    session: Session, request: Request, _operator: RewardsOperator, limit: Limit = LIMIT_MAX
) -> Page[StuckSettlement]:
    """最早的在前；处理完才会出现后面的。Oldest first, one page; later ones move up when these are done."""
    engine: SettlementEngine = request.app.state.settlements
    tables = {name: kind.table for name, kind in engine.kinds.items()}
    found = await service.list_stuck(session, tables=tables, limit=limit + 1)
    items = [StuckSettlement.model_validate(one) for one in found[:limit]]
    return Page(items=items, next_cursor=None, has_more=len(found) > limit)


@router.get("/stock-check", summary="库存、券池、预算与活动核对 · Check stock, pools, budgets and campaigns")
async def check_stock(session: Session, _operator: RewardsOperator) -> StockCheckView:
    return StockCheckView.model_validate(await service.check_stock(session))
