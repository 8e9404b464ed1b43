"""Routes of operators' acts on the ledger: freeze and unfreeze, reversals by two persons."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from services.accounting.activities import service as activities
from services.accounting.methodologies.service import Library
from services.accounting.operations import service
from services.accounting.operations.schemas import AccountState, Proposal, Reason
from shared.auth.tokens import Operator, require_scope
from shared.contracts import topics
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, encode_cursor
from shared.settings import ServiceSettings

router = APIRouter(prefix="/api/v1/accounting/ops", tags=["运营 Operations"])

LedgerOperator = Annotated[Operator, Depends(require_scope("ops:ledger"))]


@router.post("/accounts/{account_id}/freeze", summary="冻结账户 · Freeze an account")
async def freeze_account(
    session: Session, operator: LedgerOperator, account_id: uuid.UUID, body: Reason
) -> AccountState:
    """立即生效：不能再下单或捐赠，减碳量照常累计。At once: no new order or donation; credits still arrive."""
    await service.freeze(session, account_id=account_id, reason=body.reason, operator=operator.subject)
    return AccountState(account_id=account_id, frozen=True)


@router.post("/accounts/{account_id}/unfreeze", status_code=201, summary="提议解除冻结 · Propose to unfreeze")
async def propose_unfreeze(session: Session, operator: LedgerOperator, account_id: uuid.UUID, body: Reason) -> Proposal:
    row = await service.propose_unfreeze(session, account_id=account_id, reason=body.reason, operator=operator.subject)
    return Proposal.model_validate(row, from_attributes=True)


@router.get("/unfreezes", summary="待批准的解冻 · Unfreezes to approve")
async def list_unfreezes(
    session: Session, _operator: LedgerOperator, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[Proposal]:
    return await _proposals(session, "unfreeze", cursor, limit)


@router.post("/unfreezes/{proposal_id}/approve", summary="批准解冻 · Approve, by a second person")
async def approve_unfreeze(session: Session, operator: LedgerOperator, proposal_id: uuid.UUID) -> Proposal:
    row = await service.approve_unfreeze(session, proposal_id=proposal_id, operator=operator.subject)
    return Proposal.model_validate(row, from_attributes=True)


@router.post("/unfreezes/{proposal_id}/reject", summary="驳回或撤回解冻 · Reject or withdraw")
async def reject_unfreeze(session: Session, operator: LedgerOperator, proposal_id: uuid.UUID) -> Proposal:
    row = await service.reject(session, proposal_id=proposal_id, kind="unfreeze", operator=operator.subject)
    return Proposal.model_validate(row, from_attributes=True)


@router.post("/activities/{activity_id}/reversals", status_code=201, summary="提议撤销减碳记录 · Propose to reverse")
async def propose_reversal(
    session: Session, operator: LedgerOperator, activity_id: uuid.UUID, body: Reason
) -> Proposal:
    row = await service.propose_reversal(
        session, activity_id=activity_id, reason=body.reason, operator=operator.subject
    )
    return Proposal.model_validate(row, from_attributes=True)


@router.get("/reversals", summary="待批准的撤销 · Reversals to approve")
async def list_reversals(
    session: Session, _operator: LedgerOperator, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[Proposal]:
    return await _proposals(session, "reversal", cursor, limit)


@router.post("/reversals/{proposal_id}/approve", summary="批准撤销 · Approve, by a second person")
async def approve_reversal(
    session: Session, operator: LedgerOperator, request: Request, proposal_id: uuid.UUID
) -> Proposal:
    """减碳量退回；已用掉的记为待抵扣。Grams go back; what is spent becomes a debt that later credits repay."""
    library: Library = request.app.state.library
    settings: ServiceSettings = request.app.state.settings
    programme = await activities.programme(
        session, library, time_zone=settings.time_zone, topic=settings.topic_prefix + topics.OUTCOMES
    )
    row = await service.approve_reversal(
        session, proposal_id=proposal_id, operator=operator.subject, programme=programme
    )
    return Proposal.model_validate(row, from_attributes=True)


@router.post("/reversals/{proposal_id}/reject", summary="驳回或撤回撤销 · Reject or withdraw")
async def reject_reversal(session: Session, operator: LedgerOperator, proposal_id: uuid.UUID) -> Proposal:
    row = await service.reject(session, proposal_id=proposal_id, kind="reversal", operator=operator.subject)
    return Proposal.model_validate(row, from_attributes=True)


async def _proposals(session: Session, kind: service.Kind, cursor: str | None, limit: int) -> Page[Proposal]:
    position = decode_cursor(cursor, uuid.UUID)
    rows = await service.open_proposals(session, kind=kind, before=position[0] if position else None, limit=limit + 1)
    items = [Proposal.model_validate(row, from_attributes=True) for row in rows[:limit]]
    has_more = len(rows) > limit
    return Page(
        items=items, has_more=has_more, next_cursor=encode_cursor(str(items[-1].proposal_id)) if has_more else None
    )
