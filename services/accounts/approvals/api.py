"""Routes of the second person, for the kinds of all rooms. The rooms' own routes propose.

Each kind names the scope of those who may decide it. Without that scope the answer is 403.
"""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends

from services.accounts.approvals.schemas import KIND_NAMES, DecisionIn, ProposalKind, ProposalOut
from services.accounts.operator_sessions.live_operator import require_live_operator
from shared.approvals import RequestApprovals
from shared.approvals_kinds import Status
from shared.auth.tokens import Operator
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts/ops/approvals", tags=["运营 Operators"])

Caller = Annotated[Operator, Depends(require_live_operator("ops:read"))]


@router.get("", summary="提案列表 · Proposals, newest first")
async def list_account_proposals(
    session: Session,
    approvals: RequestApprovals,
    _operator: Caller,
    kind: ProposalKind | None = None,
    status: Status | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ProposalOut]:
    rows = await approvals.newest(
        session,
        kinds=KIND_NAMES if kind is None else (kind,),
        statuses=None if status is None else (status,),
        before=position_of(cursor, uuid.UUID),
        limit=limit + 1,
    )
    return Page.of(rows, limit, item=ProposalOut.of, cursor=lambda row: (row.proposal_id,))


@router.get("/{proposal_id}", summary="提案 · One proposal")
async def get_account_proposal(
    proposal_id: uuid.UUID, session: Session, approvals: RequestApprovals, _operator: Caller
) -> ProposalOut:
    return ProposalOut.of(await approvals.get(session, proposal_id=proposal_id, kinds=KIND_NAMES))


@router.post("/{proposal_id}/approve", summary="批准提案 · Approve, by a second person")
async def approve_account_proposal(
    proposal_id: uuid.UUID, body: DecisionIn, session: Session, approvals: RequestApprovals, operator: Caller
) -> ProposalOut:
    """须由提议人以外的人批准，立即生效；需要该类提案的权限。

    By an operator other than its proposer, with the scope of the kind. Takes effect at once.
    """
    return ProposalOut.of(
        await approvals.approve(
            session, proposal_id=proposal_id, kinds=KIND_NAMES, operator=operator, reason=body.reason
        )
    )


@router.post("/{proposal_id}/reject", summary="驳回或撤回提案 · Reject or withdraw")
async def reject_account_proposal(
    proposal_id: uuid.UUID, body: DecisionIn, session: Session, approvals: RequestApprovals, operator: Caller
) -> ProposalOut:
    """提议人自己为撤回，他人为驳回。The proposer withdraws it, another operator rejects it."""
    return ProposalOut.of(
        await approvals.reject_or_withdraw(
            session, proposal_id=proposal_id, kinds=KIND_NAMES, operator=operator, reason=body.reason
        )
    )
