"""Operators' routes of the receivers of captures: sponsors and campaigns that the ledger knows."""

import uuid

from fastapi import APIRouter

from services.accounting.ledger import targets
from services.accounting.operations import service
from services.accounting.operations.api import LedgerOperator
from services.accounting.operations.schemas import CaptureTarget, CaptureTargetProposal, CaptureTargetRequest
from shared.approvals import RequestApprovals
from shared.db import Session
from shared.language import Text
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounting/ops/capture-targets", tags=["运营 Operations"])


@router.get("", summary="可收减碳量的赞助方与活动 · Receivers of spent grams")
async def list_capture_targets(
    session: Session, _operator: LedgerOperator, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[CaptureTarget]:
    rows = await targets.list_targets(session, after=position_of(cursor, str), limit=limit + 1)
    return Page.of(rows, limit, item=CaptureTarget.model_validate, cursor=lambda row: (row.code,))


@router.post("", status_code=202, summary="提议新的收方 · Propose a receiver")
async def propose_capture_target(
    session: Session, approvals: RequestApprovals, operator: LedgerOperator, body: CaptureTargetRequest
) -> CaptureTargetProposal:
    """另一位运营人员批准后生效，此后才能向它扣划。A second person approves it. Only then can grams go there."""
    proposal = await service.propose_capture_target(
        session,
        approvals,
        code=body.code,
        title=Text(body.title_zh, body.title_en),
        reason=body.reason,
        operator=operator,
    )
    return CaptureTargetProposal.of(proposal)


@router.get("/proposals", summary="待批准的收方 · Receivers to approve")
async def list_capture_target_proposals(
    session: Session,
    approvals: RequestApprovals,
    _operator: LedgerOperator,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[CaptureTargetProposal]:
    before = position_of(cursor, uuid.UUID)
    rows = await service.open_proposals(session, approvals, kind="capture_target", before=before, limit=limit + 1)
    return Page.of(rows, limit, item=CaptureTargetProposal.of, cursor=lambda row: (row.proposal_id,))


@router.post("/proposals/{proposal_id}/approve", summary="批准收方 · Approve, by a second person")
async def approve_capture_target(
    session: Session, approvals: RequestApprovals, operator: LedgerOperator, proposal_id: uuid.UUID
) -> CaptureTargetProposal:
    return CaptureTargetProposal.of(
        await service.approve(session, approvals, kind="capture_target", proposal_id=proposal_id, operator=operator)
    )


@router.post("/proposals/{proposal_id}/reject", summary="驳回或撤回收方 · Reject or withdraw")
async def reject_capture_target(
    session: Session, approvals: RequestApprovals, operator: LedgerOperator, proposal_id: uuid.UUID
) -> CaptureTargetProposal:
    return CaptureTargetProposal.of(
        await service.reject(session, approvals, kind="capture_target", proposal_id=proposal_id, operator=operator)
    )
