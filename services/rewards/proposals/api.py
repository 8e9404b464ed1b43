"""Routes on which operators see and decide proposals: items, budgets, campaigns, refunds, banks and certificates."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from services.rewards.approvals.schemas import ProposalView, ReasonOnly
from services.rewards.orders.settling import ORDER
from services.rewards.proposals import service
from services.rewards.settlement.engine import SettlementEngine
from shared.approvals import RequestApprovals
from shared.approvals_kinds import Status
from shared.auth.tokens import Operator, require_scope
from shared.db import Database, Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards/ops/proposals", tags=["运营 Operations"])

Decider = Annotated[Operator, Depends(require_scope(service.SCOPE))]


@router.get("", summary="提案，新的在前 · Proposals, newest first")
async def list_rewards_proposals(
    session: Session,
    approvals: RequestApprovals,
    _operator: Decider,
    status: Annotated[Status | None, Query(description="只看某一状态 Only of this state")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ProposalView]:
    rows = await approvals.newest(
        session,
        kinds=service.NAMES,
        statuses=None if status is None else (status,),
        before=position_of(cursor, uuid.UUID),
        limit=limit + 1,
    )
    return Page.of(rows, limit, item=ProposalView.of, cursor=lambda row: (row.proposal_id,))


@router.get("/{proposal_id}", summary="一个提案 · One proposal")
async def get_rewards_proposal(
    session: Session, approvals: RequestApprovals, _operator: Decider, proposal_id: uuid.UUID
) -> ProposalView:
    return ProposalView.of(await approvals.get(session, proposal_id=proposal_id, kinds=service.NAMES))


@router.post("/{proposal_id}/approve", summary="批准 · Approve, by a second person")
async def approve_rewards_proposal(
    request: Request, approvals: RequestApprovals, operator: Decider, proposal_id: uuid.UUID, body: ReasonOnly
) -> ProposalView:
    """批准即生效。退回订单时，核算暂无回答也会由后台继续。It takes effect at once; the worker continues a refund."""
    database: Database = request.app.state.db
    engine: SettlementEngine = request.app.state.settlements
    async with database.transaction() as session:
        proposal = await approvals.approve(
            session, proposal_id=proposal_id, kinds=service.NAMES, operator=operator, reason=body.reason
        )
    if proposal.kind == service.REFUND:
        await engine.drive(ORDER, uuid.UUID(proposal.subject))
    return ProposalView.of(proposal)


@router.post("/{proposal_id}/reject", summary="驳回或撤回 · Reject or withdraw")
async def reject_rewards_proposal(
    session: Session, approvals: RequestApprovals, operator: Decider, proposal_id: uuid.UUID, body: ReasonOnly
) -> ProposalView:
    """提出人撤回，他人驳回。The proposer withdraws, others reject."""
    return ProposalView.of(
        await approvals.reject_or_withdraw(
            session, proposal_id=proposal_id, kinds=service.NAMES, operator=operator, reason=body.reason
        )
    )
