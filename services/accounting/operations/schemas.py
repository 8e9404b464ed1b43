"""HTTP models of operators' acts on the ledger."""

import uuid
from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.accounting.approvals.domain import PublicStatus, public_status
from services.accounting.audit import schemas as audit
from services.accounting.audit.schemas import REASON_CHARS_MAX, REASON_PATTERN
from shared import approvals_kinds
from shared.contracts.account_state import FreezeReason
from shared.contracts.holds import CAPTURE_TARGET_PATTERN
from shared.instants import Instant

ReasonText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=5, max_length=REASON_CHARS_MAX, pattern=REASON_PATTERN),
]


Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=REASON_PATTERN)]


class Reason(BaseModel):
    """Why the operator acts, for readers of the audit log."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "合作方确认该笔行程为测试数据，工单 2026-1123"}}
    )

    reason: ReasonText


class FreezeIn(Reason):
    """Why the operator freezes. The owner is told the sentence of the code, not the text."""

    reason_code: FreezeReason = Field(
        "other", description="告诉账户所有人的原因 What the owner is told, as the sentence of this code"
    )


class Decision(BaseModel):
    """Why the second person decides so, for readers of the audit log."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "已与合作方核对，工单属实"}})

    reason: audit.Reason


class LedgerProposal(BaseModel):
    """An act on the ledger that needs a second person."""

    proposal_id: uuid.UUID
    kind: Literal["reversal", "unfreeze"]
    subject_id: uuid.UUID = Field(description="减碳记录或账户 The activity or the account")
    reason: str
    status: PublicStatus
    proposed_by: str
    proposed_at: Instant
    decided_by: str | None
    decided_at: Instant | None

    @classmethod
    def of(cls, proposal: approvals_kinds.Proposal) -> "LedgerProposal":
        return cls(
            proposal_id=proposal.proposal_id,
            kind=cast('Literal["reversal", "unfreeze"]', proposal.kind),
            subject_id=uuid.UUID(proposal.subject),
            reason=proposal.reason,
            status=public_status(proposal.status),
            proposed_by=proposal.proposed_by,
            proposed_at=proposal.proposed_at,
            decided_by=proposal.decided_by,
            decided_at=proposal.decided_at,
        )


class AccountState(BaseModel):
    account_id: uuid.UUID
    frozen: bool


class CaptureTargetRequest(Reason):
    """A sponsor or campaign that captured grams may go to."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "code": "redeemed:guozao",
                "title_zh": "过早联盟",
                "title_en": "Breakfast Alliance",
                "reason": "新赞助方，合同 2026-118",
            }
        },
    )

    code: str = Field(pattern=CAPTURE_TARGET_PATTERN, description="redeemed:<sponsor> 或 or donated:<campaign>")
    title_zh: Title
    title_en: Title


class CaptureTarget(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str
    title_zh: str
    title_en: str
    added_at: Instant


class CaptureTargetProposal(BaseModel):
    """A receiver that a second person has to approve."""

    proposal_id: uuid.UUID
    code: str
    title_zh: str
    title_en: str
    reason: str
    status: PublicStatus
    proposed_by: str
    proposed_at: Instant
    decided_by: str | None
    decided_at: Instant | None

    @classmethod
    def of(cls, proposal: approvals_kinds.Proposal) -> "CaptureTargetProposal":
        return cls(
            proposal_id=proposal.proposal_id,
            code=proposal.subject,
            title_zh=proposal.content["title_zh"],
            title_en=proposal.content["title_en"],
            reason=proposal.reason,
            status=public_status(proposal.status),
            proposed_by=proposal.proposed_by,
            proposed_at=proposal.proposed_at,
            decided_by=proposal.decided_by,
            decided_at=proposal.decided_at,
        )
