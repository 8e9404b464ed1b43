"""Operators' routes of budgets. Whoever proposes a change is not who approves it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.rewards.approvals.schemas import ProposalView, ReasonOnly
from services.rewards.budgets import service
from services.rewards.budgets.schemas import BudgetRaise, BudgetRequest, BudgetView
from services.rewards.budgets.service import Sponsor
from services.rewards.slugs import SlugPath, slug
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.language import Text
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards/ops/budgets", tags=["运营 Operations"])

BudgetOperator = Annotated[Operator, Depends(require_scope(service.SCOPE))]


@router.get("", summary="预算 · Budgets")
async def list_budgets(
    session: Session,
    _operator: BudgetOperator,
    alarmed: Annotated[bool | None, Query(description="只看用到 80% 的 Only those of which 80 % are used")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[BudgetView]:
    rows = await service.list_page(session, alarmed=alarmed, after=position_of(cursor, slug), limit=limit + 1)
    return Page.of(rows, limit, item=BudgetView.of, cursor=lambda budget: (budget.budget_id,))


@router.get("/{budget_id}", summary="一个预算 · One budget")
async def get_budget(session: Session, _operator: BudgetOperator, budget_id: SlugPath) -> BudgetView:
    return BudgetView.of(await service.get_budget(session, budget_id=budget_id))


@router.post("", status_code=202, summary="提议开立预算 · Propose to open a budget")
async def propose_budget(
    session: Session, approvals: RequestApprovals, operator: BudgetOperator, body: BudgetRequest
) -> ProposalView:
    """由另一人在 `/ops/proposals` 批准后生效。A second person approves it under `/ops/proposals`."""
    proposal = await service.propose_open(
        session,
        approvals,
        budget_id=body.budget_id,
        sponsor=Sponsor(body.sponsor_id, Text(body.sponsor_zh, body.sponsor_en)),
        limit_fen=body.limit_fen,
        reason=body.reason,
        operator=operator,
    )
    return ProposalView.of(proposal)


@router.post("/{budget_id}/raise", status_code=202, summary="提议增加额度 · Propose to raise the limit")
async def propose_budget_raise(
    session: Session, approvals: RequestApprovals, operator: BudgetOperator, budget_id: SlugPath, body: BudgetRaise
) -> ProposalView:
    """额度只增不减。A limit is never lowered: citizens may have ordered by it."""
    return ProposalView.of(
        await service.propose_raise(
            session,
            approvals,
            budget_id=budget_id,
            limit_fen=body.limit_fen,
            reason=body.reason,
            operator=operator,
        )
    )


@router.post("/{budget_id}/close", status_code=202, summary="提议关闭预算 · Propose to close a budget")
async def propose_budget_close(
    session: Session, approvals: RequestApprovals, operator: BudgetOperator, budget_id: SlugPath, body: ReasonOnly
) -> ProposalView:
    """关闭后不再接受新订单；进行中的订单照常完成或退回。No new orders; those under way end as usual."""
    return ProposalView.of(
        await service.propose_close(session, approvals, budget_id=budget_id, reason=body.reason, operator=operator)
    )
