"""Routes by which operators manage partners and keys. A change takes effect in every process at once.

What opens or widens the way to live data is proposed (202) and takes effect when another operator approves it.
"""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import JSONResponse

from services.ingest.partners import administration, proposals
from services.ingest.partners.ops_schemas import IssuedKey, KeyView, PartnerProposal, PartnerView, ProposedKey
from services.ingest.partners.terms import KeyTimes, NewKey, NewPartner, PartnerTerms, Reasoned
from services.ingest.sealing import SecretSealer
from shared.approvals import RequestApprovals
from shared.approvals_kinds import Proposal, Status
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/ingest/ops/partners", tags=["运营 Operators"])
decisions = APIRouter(prefix="/api/v1/ingest/ops/proposals", tags=["运营 Operators"])

Reader = Annotated[Operator, Depends(require_scope("ops:read"))]
Manager = Annotated[Operator, Depends(require_scope(proposals.SCOPE))]
PartnerId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
AppKey = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]

_WAITS = "待另一位运营人员批准 · Waits for another operator"
_PROPOSED: dict[int | str, dict[str, Any]] = {202: {"model": PartnerProposal, "description": _WAITS}}
_KEY_PROPOSED: dict[int | str, dict[str, Any]] = {202: {"model": ProposedKey, "description": _WAITS}}


def _accepted(proposal: PartnerProposal) -> JSONResponse:
    return JSONResponse(proposal.model_dump(mode="json"), status_code=202)


def _partner_answer(result: dict[str, Any] | Proposal) -> PartnerView | JSONResponse:
    if isinstance(result, Proposal):
        return _accepted(PartnerProposal.of(result))
    return PartnerView.model_validate(result)


@router.get("", summary="合作方列表 · Partners")
async def list_partners(
    session: Session, _: Reader, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[PartnerView]:
    views = await administration.list_partners(session, after=position_of(cursor, str) or "", limit=limit + 1)
    return Page.of(views, limit, item=PartnerView.model_validate, cursor=lambda view: (view["partner_id"],))


@router.post(
    "",
    status_code=201,
    response_model=PartnerView,
    responses=_PROPOSED,
    summary="登记合作方，正式的须两人 · Register a partner; a live one needs two operators",
)
async def create_partner(
    body: NewPartner, session: Session, approvals: RequestApprovals, operator: Manager, sealer: SecretSealer
) -> PartnerView | JSONResponse:
    return _partner_answer(await proposals.create_partner(session, approvals, sealer, operator, body))


@router.get("/{partner_id}", summary="一个合作方 · One partner")
async def get_partner(partner_id: PartnerId, session: Session, _: Reader) -> PartnerView:
    return PartnerView.model_validate(await administration.get_partner(session, partner_id))


@router.put(
    "/{partner_id}",
    response_model=PartnerView,
    responses=_PROPOSED,
    summary="变更合作方，放宽须两人 · Change terms; wider ones need two operators",
)
async def update_partner(
    partner_id: PartnerId,
    body: PartnerTerms,
    session: Session,
    approvals: RequestApprovals,
    operator: Manager,
    sealer: SecretSealer,
) -> PartnerView | JSONResponse:
    return _partner_answer(await proposals.change_partner(session, approvals, sealer, operator, partner_id, body))


@router.post("/{partner_id}/suspend", summary="暂停合作方 · Suspend a partner")
async def suspend_partner(partner_id: PartnerId, body: Reasoned, session: Session, operator: Manager) -> PartnerView:
    """签名照常验证，请求一律 403。Its signatures are checked as before, its requests get 403 PARTNER_SUSPENDED."""
    view = await administration.set_status(session, operator.subject, partner_id, "suspended", body.reason)
    return PartnerView.model_validate(view)


@router.post(
    "/{partner_id}/resume",
    response_model=PartnerView,
    responses=_PROPOSED,
    summary="恢复合作方，正式的须两人 · Resume a partner; a live one needs two operators",
)
async def resume_partner(
    partner_id: PartnerId, body: Reasoned, session: Session, approvals: RequestApprovals, operator: Manager
) -> PartnerView | JSONResponse:
    return _partner_answer(await proposals.resume_partner(session, approvals, operator, partner_id, body.reason))


@router.post(
    "/{partner_id}/keys",
    status_code=201,
    response_model=IssuedKey,
    responses=_KEY_PROPOSED,
    summary="签发或登记密钥，正式的须两人 · Issue a key; a live one needs two operators",
)
async def issue_key(
    partner_id: PartnerId,
    body: NewKey,
    session: Session,
    approvals: RequestApprovals,
    operator: Manager,
    sealer: SecretSealer,
) -> IssuedKey | JSONResponse:
    """同一环境最多两把有效密钥：先签发新密钥，再给旧密钥设置截止时间。密钥内容只显示这一次，只给提议人，批准后才有效。

    At most two live keys in one environment: issue the successor first, then set the end of the one in use. The secret
    is shown once, to the operator who asks. A live key is valid from the approval on.
    """
    result, secret = await proposals.issue_key(session, approvals, sealer, operator, partner_id, body)
    if isinstance(result, Proposal):
        return _accepted(ProposedKey.with_secret(result, secret))
    return IssuedKey.model_validate({**result, "secret": secret})


@router.put(
    "/{partner_id}/keys/{app_key}",
    response_model=KeyView,
    responses=_PROPOSED,
    summary="设置密钥有效期，延长须两人 · Set the validity; a longer one needs two operators",
)
async def set_key_times(
    partner_id: PartnerId,
    app_key: AppKey,
    body: KeyTimes,
    session: Session,
    approvals: RequestApprovals,
    operator: Manager,
) -> KeyView | JSONResponse:
    result = await proposals.set_key_times(session, approvals, operator, partner_id, app_key, body)
    if isinstance(result, Proposal):
        return _accepted(PartnerProposal.of(result))
    return KeyView.model_validate(result)


@router.post("/{partner_id}/keys/{app_key}/revoke", summary="立即吊销密钥 · Revoke a key at once")
async def revoke_key(
    partner_id: PartnerId, app_key: AppKey, body: Reasoned, session: Session, operator: Manager
) -> KeyView:
    return KeyView.model_validate(
        await administration.revoke_key(session, operator.subject, partner_id, app_key, body.reason)
    )


@decisions.get("", summary="提案列表 · Proposals, newest first")
async def list_partner_proposals(
    session: Session,
    approvals: RequestApprovals,
    _: Reader,
    status: Status | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[PartnerProposal]:
    rows = await proposals.list_proposals(
        session, approvals, status=status, before=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(rows, limit, item=PartnerProposal.of, cursor=lambda row: (row.proposal_id,))


@decisions.get("/{proposal_id}", summary="提案 · One proposal")
async def get_partner_proposal(
    proposal_id: uuid.UUID, session: Session, approvals: RequestApprovals, _: Reader
) -> PartnerProposal:
    return PartnerProposal.of(await proposals.get_proposal(session, approvals, proposal_id=proposal_id))


@decisions.post("/{proposal_id}/approve", summary="批准提案 · Approve, by a second person")
async def approve_partner_proposal(
    proposal_id: uuid.UUID, body: Reasoned, session: Session, approvals: RequestApprovals, operator: Manager
) -> PartnerProposal:
    """须由提议人以外的人批准，立即生效。By an operator other than its proposer; takes effect at once."""
    return PartnerProposal.of(
        await proposals.approve(session, approvals, proposal_id=proposal_id, operator=operator, reason=body.reason)
    )


@decisions.post("/{proposal_id}/reject", summary="驳回或撤回提案 · Reject or withdraw")
async def reject_partner_proposal(
    proposal_id: uuid.UUID, body: Reasoned, session: Session, approvals: RequestApprovals, operator: Manager
) -> PartnerProposal:
    return PartnerProposal.of(
        await proposals.reject(session, approvals, proposal_id=proposal_id, operator=operator, reason=body.reason)
    )
