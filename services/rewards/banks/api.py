"""Operators' routes of banks. Whoever proposes a registration, terms or a key is not who approves it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from services.rewards.approvals.schemas import ProposalView, ReasonOnly
from services.rewards.banks import service
from services.rewards.banks.domain import APP_KEY_PATTERN
from services.rewards.banks.schemas import BankDetail, BankKeyRequest, BankList, BankRequest, BankTerms
from services.rewards.slugs import SlugPath
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator, require_scope
from shared.db import Session

router = APIRouter(prefix="/api/v1/rewards/ops/banks", tags=["运营 Operations"])

BankOperator = Annotated[Operator, Depends(require_scope(service.SCOPE))]
AppKeyPath = Annotated[str, Path(pattern=APP_KEY_PATTERN, examples=["bk-jiangcheng-1"])]


@router.get("", summary="合作银行 · Banks")
async def list_banks(session: Session, _operator: BankOperator) -> BankList:
    return BankList(items=[BankDetail.of(one) for one in await service.list_banks(session, with_suspended=True)])


@router.get("/{bank_id}", summary="一家银行 · One bank")
async def get_bank(session: Session, _operator: BankOperator, bank_id: SlugPath) -> BankDetail:
    return BankDetail.of(await service.get_bank(session, bank_id=bank_id))


@router.post("", status_code=202, summary="提议登记银行 · Propose to register a bank")
async def propose_bank(
    session: Session, approvals: RequestApprovals, operator: BankOperator, body: BankRequest
) -> ProposalView:
    """由另一人在 `/ops/proposals` 批准后生效。只登记公钥。

    A second person approves it under `/ops/proposals`. We keep the public key only.
    """
    content = {**body.terms(), **body.key_fields()}
    return ProposalView.of(
        await service.propose(
            session,
            approvals,
            kind=service.REGISTER,
            bank_id=body.bank_id,
            content=content,
            reason=body.reason,
            operator=operator,
        )
    )


@router.post("/{bank_id}/terms", status_code=202, summary="提议修改条款 · Propose other terms")
async def propose_bank_terms(
    session: Session, approvals: RequestApprovals, operator: BankOperator, bank_id: SlugPath, body: BankTerms
) -> ProposalView:
    """已受理的抵扣不受影响。Offsets that were placed keep their terms."""
    return ProposalView.of(
        await service.propose(
            session,
            approvals,
            kind=service.CHANGE,
            bank_id=bank_id,
            content=body.terms(),
            reason=body.reason,
            operator=operator,
        )
    )


@router.post("/{bank_id}/keys", status_code=202, summary="提议增加公钥 · Propose a public key")
async def propose_bank_key(
    session: Session, approvals: RequestApprovals, operator: BankOperator, bank_id: SlugPath, body: BankKeyRequest
) -> ProposalView:
    """最多两把同时有效，便于轮换。At most two are live at once, so that a bank can rotate."""
    return ProposalView.of(
        await service.propose(
            session,
            approvals,
            kind=service.ADD_KEY,
            bank_id=bank_id,
            content=body.key_fields(),
            reason=body.reason,
            operator=operator,
        )
    )


@router.post("/{bank_id}/keys/{app_key}/revoke", summary="停用公钥 · Revoke a key")
async def revoke_bank_key(
    session: Session, operator: BankOperator, bank_id: SlugPath, app_key: AppKeyPath, body: ReasonOnly
) -> BankDetail:
    """一人即可，立即生效。One person; at once."""
    return BankDetail.of(
        await service.revoke_key(
            session, bank_id=bank_id, app_key=app_key, reason=body.reason, operator=operator.subject
        )
    )


@router.post("/{bank_id}/suspend", summary="暂停合作 · Suspend a bank")
async def suspend_bank(session: Session, operator: BankOperator, bank_id: SlugPath, body: ReasonOnly) -> BankDetail:
    """一人即可。进行中的抵扣，银行逾期未答复就退回。One person. Offsets under way are given back in time."""
    return BankDetail.of(await service.suspend(session, bank_id=bank_id, reason=body.reason, operator=operator.subject))


@router.post("/{bank_id}/resume", status_code=202, summary="提议恢复合作 · Propose to resume a bank")
async def propose_bank_resumption(
    session: Session, approvals: RequestApprovals, operator: BankOperator, bank_id: SlugPath, body: ReasonOnly
) -> ProposalView:
    return ProposalView.of(
        await service.propose(
            session,
            approvals,
            kind=service.RESUME,
            bank_id=bank_id,
            content={},
            reason=body.reason,
            operator=operator,
        )
    )
