"""HTTP models of operators' acts on the ledger."""

import uuid
from datetime import datetime
from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.accounting.approvals.domain import PublicStatus, public_status
from services.accounting.audit import schemas as audit
from services.accounting.audit.schemas import REASON_CHARS_MAX, REASON_PATTERN
from shared import approvals_kinds

ReasonText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=5, max_length=REASON_CHARS_MAX, pattern=REASON_PATTERN),
]


class Reason(BaseModel):
    """Why the operator acts, for readers of the audit log."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "合作方确认该笔行程为测试数据，工单 2026-1123"}}
    )

    reason: ReasonText


class Decision(BaseModel):
    """Why the second person decides so, for readers of the audit log."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "已与合作方核对，工单属实"}})

    reason: audit.Reason


class Proposal(BaseModel):
    """An act on the ledger that needs a second person."""

    proposal_id: uuid.UUID
    kind: Literal["reversal", "unfreeze"]
    subject_id: uuid.UUID = Field(description="减碳记录或账户 The activity or the account")
    reason: str
    status: PublicStatus
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None

    @classmethod
    def of(cls, proposal: approvals_kinds.Proposal) -> "Proposal":
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
