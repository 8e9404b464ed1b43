"""Operators' routes of reconciliation."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends

from services.rewards.reconciliation import service
from services.rewards.reconciliation.domain import Difference
from services.rewards.reconciliation.schemas import (
    CaptureProposal,
    CaptureReason,
    Decision,
    DifferenceView,
    RunDetail,
    RunView,
)
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards/ops/reconciliation", tags=["运营 Operations"])

Reconciling = Annotated[Operator, Depends(require_scope(service.SCOPE))]
_KINDS = (service.CAPTURES,)


@router.post("/runs", status_code=202, summary="立即核对 · Reconcile with accounting now")
async def start_run(session: Session, operator: Reconciling) -> RunView:
    """在后台逐段核对，不影响下单。In the background, in small steps; orders go on."""
    return RunView.model_validate(await service.start_run(session, operator=operator.subject))


@router.get("/runs", summary="核对列表 · Reconciliations")
async def list_runs(
    session: Session, _operator: Reconciling, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[RunView]:
    rows = await service.list_runs(session, before=position_of(cursor, uuid.UUID), limit=limit + 1)
    return Page.of(rows, limit, item=RunView.model_validate, cursor=lambda run: (run.run_id,))


@router.get("/runs/{run_id}", summary="一次核对的结果 · One reconciliation with its sums")
async def get_run(session: Session, _operator: Reconciling, run_id: uuid.UUID) -> RunDetail:
    run = await service.get_run(session, run_id=run_id)
    counts = await service.count_differences(session, run_id=run_id)
    return RunDetail.of_run(run, counts=counts, totals=await service.get_totals(session, run_id=run_id))


@router.get("/runs/{run_id}/differences", summary="逐笔差异 · What differs, with both sides' figures")
async def list_run_differences(
    session: Session,
    _operator: Reconciling,
    run_id: uuid.UUID,
    difference: Difference | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[DifferenceView]:
    rows = await service.list_differences(
        session, run_id=run_id, difference=difference, after=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(rows, limit, item=DifferenceView.model_validate, cursor=lambda row: (row.settlement_id,))


@router.post("/runs/{run_id}/captures", status_code=201, summary="提议补扣 · Propose to repeat missing captures")
async def propose_captures(
    session: Session, approvals: RequestApprovals, operator: Reconciling, run_id: uuid.UUID, body: CaptureReason
) -> CaptureProposal:
    """只补扣本次核对中“已确认、未扣划”的订单与捐赠；由另一人批准后执行。
    Only what is confirmed here and not captured in accounting; done when a second person approves."""
    return CaptureProposal.of(
        await service.propose_captures(session, approvals, run_id=run_id, reason=body.reason, operator=operator)
    )


@router.get("/captures", summary="补扣提案 · Proposals to repeat captures")
async def list_captures(
    session: Session,
    approvals: RequestApprovals,
    _operator: Reconciling,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[CaptureProposal]:
    rows = await approvals.newest(
        session, kinds=_KINDS, statuses=None, before=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(rows, limit, item=CaptureProposal.of, cursor=lambda row: (row.proposal_id,))


@router.post("/captures/{proposal_id}/approve", summary="批准补扣 · Approve, by a second person")
async def approve_captures(
    session: Session,
    approvals: RequestApprovals,
    operator: Reconciling,
    proposal_id: uuid.UUID,
    body: Decision | None = None,
) -> CaptureProposal:
    reason = body.reason if body is not None else None
    return CaptureProposal.of(
        await approvals.approve(session, proposal_id=proposal_id, kinds=_KINDS, operator=operator, reason=reason)
    )


@router.post("/captures/{proposal_id}/reject", summary="驳回或撤回补扣 · Reject or withdraw")
async def reject_captures(
    session: Session,
    approvals: RequestApprovals,
    operator: Reconciling,
    proposal_id: uuid.UUID,
    body: Decision | None = None,
) -> CaptureProposal:
    reason = body.reason if body is not None else None
    return CaptureProposal.of(
        await approvals.reject_or_withdraw(
            session, proposal_id=proposal_id, kinds=_KINDS, operator=operator, reason=reason
        )
    )
