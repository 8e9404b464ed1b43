"""HTTP model of a proposal of any kind."""

import uuid
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.rewards.approvals.domain import MallProposal
from shared import approvals_kinds
from shared.approvals_kinds import Status
from shared.instants import Instant
from shared.openapi.closed import one_of

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=r"^[^\x00]+$")]


class ReasonOnly(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "合同 2026-118 已签"}})

    reason: Reason = Field(description="写入审计日志 For readers of the audit log")


class ProposalView(BaseModel):
    """What one operator proposed. A second one decides it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "proposal_id": "019aadf0-6b00-7000-8000-000000000001",
                "kind": "budget.raise",
                "subject": "reganmian-guozao",
                "content": {"limit_fen": 2_000_000},
                "reason": "赞助方追加",
                "status": "open",
                "proposed_by": "ops-local",
                "proposed_at": "2026-11-27T09:30:00+08:00",
                "expires_at": "2026-12-11T09:30:00+08:00",
                "decided_by": None,
                "decided_at": None,
            }
        }
    )

    proposal_id: uuid.UUID
    kind: Annotated[str, one_of(MallProposal)]
    subject: str = Field(
        description="商品、预算、活动、订单或银行的编号 The id of the item, budget, campaign, order or bank"
    )
    content: dict[str, Any] = Field(description="批准后生效的内容 What takes effect with the approval")
    reason: str
    status: Status
    proposed_by: str
    proposed_at: Instant
    expires_at: Instant
    decided_by: str | None
    decided_at: Instant | None

    @classmethod
    def of(cls, proposal: approvals_kinds.Proposal) -> Self:
        return cls(
            proposal_id=proposal.proposal_id,
            kind=proposal.kind,
            subject=proposal.subject,
            content=dict(proposal.content),
            reason=proposal.reason,
            status=proposal.status,
            proposed_by=proposal.proposed_by,
            proposed_at=proposal.proposed_at,
            expires_at=proposal.expires_at,
            decided_by=proposal.decided_by,
            decided_at=proposal.decided_at,
        )
