"""Operators' routes on the ledger: freeze and unfreeze accounts, reverse activities."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from services.accounting.operations import service
from services.accounting.operations.schemas import AccountState, Decision, FreezeIn, LedgerProposal, Reason
from services.accounting.settings import Settings
from shared.approvals import Approvals, RequestApprovals
from shared.auth.tokens import Operator, require_scope
from shared.contracts import topics
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounting/ops", tags=["运营 Operations"])

LedgerOperator = Annotated[Operator, Depends(require_scope(service.SCOPE))]


@router.post("/accounts/{account_id}/freeze", summary="冻结账户 · Freeze an account")
async def freeze_account(
    request: Request, session: Session, operator: LedgerOperator, account_id: uuid.UUID, body: FreezeIn
) -> AccountState:
    """立即生效：不能再下单或捐赠，减碳量照常累计；订阅了消息的本人会收到通知。

    Takes effect at once: no new orders or donations. Credits arrive. The owner gets a message, if they asked for it.
    """
    settings: Settings = request.app.state.settings
    await service.freeze_account(
        session,
        topic=settings.topic_prefix + topics.FREEZES,
        account_id=account_id,
        reason=body.reason,
        code=body.reason_code,
        operator=operator.subject,
    )
    return AccountState(account_id=account_id, frozen=True)


@router.post("/accounts/{account_id}/unfreeze", status_code=201, summary="提议解除冻结 · Propose to unfreeze")
async def propose_unfreeze(
    session: Session, approvals: RequestApprovals, operator: LedgerOperator, account_id: uuid.UUID, body: Reason
) -> LedgerProposal:
    proposal = await service.propose_unfreeze(
        session, approvals, account_id=account_id, reason=body.reason, operator=operator
    )
    return LedgerProposal.of(proposal)


@router.get("/unfreezes", summary="待批准的解冻 · Unfreezes to approve")
async def list_unfreezes(
    session: Session,
    approvals: RequestApprovals,
    _operator: LedgerOperator,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[LedgerProposal]:
    return await _open_proposals(session, approvals, "unfreeze", cursor, limit)


@router.post("/unfreezes/{proposal_id}/approve", summary="批准解冻 · Approve, by a second person")
async def approve_unfreeze(
    session: Session,
    approvals: RequestApprovals,
    operator: LedgerOperator,
    proposal_id: uuid.UUID,
    body: Decision | None = None,
) -> LedgerProposal:
    return LedgerProposal.of(
        await service.approve(
            session, approvals, kind="unfreeze", proposal_id=proposal_id, operator=operator, reason=_reason(body)
        )
    )


@router.post("/unfreezes/{proposal_id}/reject", summary="驳回或撤回解冻 · Reject or withdraw")
async def reject_unfreeze(
    session: Session,
    approvals: RequestApprovals,
    operator: LedgerOperator,
    proposal_id: uuid.UUID,
    body: Decision | None = None,
) -> LedgerProposal:
    return LedgerProposal.of(
        await service.reject(
            session, approvals, kind="unfreeze", proposal_id=proposal_id, operator=operator, reason=_reason(body)
        )
    )


@router.post("/activities/{activity_id}/reversals", status_code=201, summary="提议撤销减碳记录 · Propose to reverse")
async def propose_reversal(
    session: Session, approvals: RequestApprovals, operator: LedgerOperator, activity_id: uuid.UUID, body: Reason
) -> LedgerProposal:
    proposal = await service.propose_reversal(
        session, approvals, activity_id=activity_id, reason=body.reason, operator=operator
    )
    return LedgerProposal.of(proposal)


@router.get("/reversals", summary="待批准的撤销 · Reversals to approve")
async def list_reversals(
    session: Session,
    approvals: RequestApprovals,
    _operator: LedgerOperator,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[LedgerProposal]:
    return await _open_proposals(session, approvals, "reversal", cursor, limit)


@router.post("/reversals/{proposal_id}/approve", summary="批准撤销 · Approve, by a second person")
async def approve_reversal(
    session: Session,
    approvals: RequestApprovals,
    operator: LedgerOperator,
    proposal_id: uuid.UUID,
    body: Decision | None = None,
) -> LedgerProposal:
    """减碳量退回；已用掉的记为待抵扣。Takes the grams back. Spent grams become a debt that later credits repay."""
    return LedgerProposal.of(
        await service.approve(
            session, approvals, kind="reversal", proposal_id=proposal_id, operator=operator, reason=_reason(body)
        )
    )


@router.post("/reversals/{proposal_id}/reject", summary="驳回或撤回撤销 · Reject or withdraw")
async def reject_reversal(
    session: Session,
    approvals: RequestApprovals,
    operator: LedgerOperator,
    proposal_id: uuid.UUID,
    body: Decision | None = None,
) -> LedgerProposal:
    return LedgerProposal.of(
        await service.reject(
            session, approvals, kind="reversal", proposal_id=proposal_id, operator=operator, reason=_reason(body)
        )
    )


def _reason(body: Decision | None) -> str | None:
    return body.reason if body is not None else None


async def _open_proposals(
    session: Session, approvals: Approvals, kind: service.KindName, cursor: str | None, limit: int
) -> Page[LedgerProposal]:
    rows = await service.open_proposals(
        session, approvals, kind=kind, before=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(rows, limit, item=LedgerProposal.of, cursor=lambda row: (row.proposal_id,))
