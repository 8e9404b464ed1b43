"""Routes of disputes: merchants raise and read their own, operators raise for sponsors and decide in two."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends

from services.rewards.disputes import service
from services.rewards.disputes.domain import DECIDE, DisputeKind, DisputeStatus
from services.rewards.disputes.schemas import (
    DecisionRequest,
    DisputeList,
    DisputeProposal,
    DisputeReason,
    DisputeRequest,
    DisputeView,
    OpsDisputeRequest,
)
from services.rewards.merchants.callers import SigningMerchant
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards/merchant", tags=["收银台 Tills"])
ops_router = APIRouter(prefix="/api/v1/rewards/ops/disputes", tags=["商家 Merchants"])

DisputesOperator = Annotated[Operator, Depends(require_scope(service.SCOPE))]
_KINDS = (DECIDE,)
_OWN_MAX = 200


@router.post("/disputes", status_code=201, summary="商家提出异议 · The merchant disputes an undone redemption")
async def raise_own_dispute(session: Session, caller: SigningMerchant, body: DisputeRequest) -> DisputeView:
    """用商家密钥签名；同一笔只能提一次。With the merchant's key, once for each redemption."""
    return DisputeView.of(
        await service.raise_dispute(
            session,
            redemption_id=body.redemption_id,
            kind=DisputeKind.MERCHANT,
            claim=body.claim,
            opened_by=caller.subject,
            merchant_id=caller.merchant_id,
        )
    )


@router.get("/disputes", summary="商家的异议 · Disputes of the merchant")
async def list_own_disputes(
    session: Session, caller: SigningMerchant, status: DisputeStatus | None = None
) -> DisputeList:
    """最近 200 项。The newest 200."""
    rows = await service.list_disputes(session, merchant_id=caller.merchant_id, status=status, limit=_OWN_MAX)
    return DisputeList(disputes=[DisputeView.of(row) for row in rows])


@ops_router.post("", status_code=201, summary="代为提出异议 · Raise a dispute for a merchant or a sponsor")
async def raise_dispute(session: Session, operator: DisputesOperator, body: OpsDisputeRequest) -> DisputeView:
    return DisputeView.of(
        await service.raise_dispute(
            session,
            redemption_id=body.redemption_id,
            kind=DisputeKind(body.raised_for),
            claim=body.claim,
            opened_by=operator.subject,
        )
    )


@ops_router.get("", summary="异议列表 · Disputes")
async def list_disputes(
    session: Session,
    _operator: DisputesOperator,
    status: DisputeStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[DisputeView]:
    rows = await service.list_disputes(session, status=status, before=position_of(cursor, uuid.UUID), limit=limit + 1)
    return Page.of(rows, limit, item=DisputeView.of, cursor=lambda row: (row.dispute_id,))


@ops_router.post("/{dispute_id}/decision", status_code=202, summary="提议裁定 · Propose a decision")
async def propose_decision(
    session: Session,
    approvals: RequestApprovals,
    operator: DisputesOperator,
    dispute_id: uuid.UUID,
    body: DecisionRequest,
) -> DisputeProposal:
    """由另一人批准后入当天结算。A second person approves; then it is in the settlement of that day."""
    return DisputeProposal.of(
        await service.propose_decision(
            session,
            approvals,
            dispute_id=dispute_id,
            outcome=body.outcome,
            operator=operator,
            reason=body.reason,
        )
    )


@ops_router.get("/proposals", summary="裁定提案 · Proposed decisions")
async def list_dispute_decisions(
    session: Session,
    approvals: RequestApprovals,
    _operator: DisputesOperator,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[DisputeProposal]:
    rows = await approvals.newest(
        session, kinds=_KINDS, statuses=None, before=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(rows, limit, item=DisputeProposal.of, cursor=lambda row: (row.proposal_id,))


@ops_router.post("/proposals/{proposal_id}/approve", summary="批准裁定 · Approve, by a second person")
async def approve_dispute_decision(
    session: Session,
    approvals: RequestApprovals,
    operator: DisputesOperator,
    proposal_id: uuid.UUID,
    body: DisputeReason | None = None,
) -> DisputeProposal:
    reason = body.reason if body is not None else None
    return DisputeProposal.of(
        await approvals.approve(session, proposal_id=proposal_id, kinds=_KINDS, operator=operator, reason=reason)
    )


@ops_router.post("/proposals/{proposal_id}/reject", summary="驳回或撤回裁定 · Reject or withdraw")
async def reject_dispute_decision(
    session: Session,
    approvals: RequestApprovals,
    operator: DisputesOperator,
    proposal_id: uuid.UUID,
    body: DisputeReason | None = None,
) -> DisputeProposal:
    reason = body.reason if body is not None else None
    return DisputeProposal.of(
        await approvals.reject_or_withdraw(
            session, proposal_id=proposal_id, kinds=_KINDS, operator=operator, reason=reason
        )
    )
