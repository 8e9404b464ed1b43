"""HTTP models of disputes."""

import uuid
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.rewards.disputes.domain import DisputeKind, DisputeStatus, Outcome
from shared import approvals_kinds
from shared.instants import Instant

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=r"^[^\x00]+$")]
_ID: Final = "019aadf0-7300-7000-8000-000000000001"
_AT: Final = "2026-11-27T09:30:00+08:00"


class DisputeRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"redemption_id": "019aadf0-7200-7000-8000-000000000001", "claim": "已出餐，误撤销"}
        },
    )

    redemption_id: uuid.UUID
    claim: Words


class OpsDisputeRequest(DisputeRequest):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "redemption_id": "019aadf0-7200-7000-8000-000000000001",
                "claim": "顾客称没有取餐",
                "raised_for": "sponsor",
            }
        },
    )

    raised_for: Literal["merchant", "sponsor"]


class DecisionRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"outcome": "upheld", "reason": "门店有监控为证"}}
    )

    outcome: Outcome
    reason: Words


class DisputeReason(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "已核对证据"}})

    reason: Words


_EXAMPLE: Final[dict[str, Any]] = {
    "dispute_id": _ID,
    "kind": "double_use",
    "status": "open",
    "merchant_id": "guozao",
    "shop_id": "guozao-hubu",
    "sponsor_id": "guozao",
    "item_id": "reganmian",
    "voucher_id": "019aadf0-6c1e-7d2a-9a3a-3f1f0a1b2c3d",
    "redemption_id": "019aadf0-7200-7000-8000-000000000001",
    "accepted_at": _AT,
    "fen": 1_000,
    "claim": "断网期间收的券",
    "opened_at": _AT,
    "decided_at": None,
    "decision": None,
    "adjusted_fen": None,
    "settled_on": None,
}


class DisputeView(BaseModel):
    """A dispute. `redemption_id` is the use that stands, or the one that was undone."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    dispute_id: uuid.UUID
    kind: DisputeKind
    status: DisputeStatus
    merchant_id: str
    shop_id: str
    sponsor_id: str
    item_id: str
    voucher_id: uuid.UUID
    redemption_id: uuid.UUID | None
    accepted_at: Instant
    fen: int
    claim: str
    opened_at: Instant
    decided_at: Instant | None
    decision: str | None
    adjusted_fen: int | None = Field(description="裁定后门店多得，负为少得 What the shop gets more; negative: less")
    settled_on: date | None

    @classmethod
    def of(cls, row: Any) -> "DisputeView":
        names = [name for name in cls.model_fields if name != "settled_on"]
        return cls(**{name: getattr(row, name) for name in names}, settled_on=row.cleared_day)


class DisputeList(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"disputes": [_EXAMPLE]}})

    disputes: list[DisputeView]


class DisputeProposal(BaseModel):
    """A decision that needs a second person."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "proposal_id": "019aadf0-7000-7000-8000-000000000002",
                "dispute_id": _ID,
                "outcome": "upheld",
                "reason": "门店有监控为证",
                "status": "open",
                "proposed_by": "ops-ann",
                "proposed_at": _AT,
                "expires_at": "2026-12-11T09:30:00+08:00",
                "decided_by": None,
                "decided_at": None,
            }
        }
    )

    proposal_id: uuid.UUID
    dispute_id: uuid.UUID
    outcome: Outcome
    reason: str
    status: approvals_kinds.Status
    proposed_by: str
    proposed_at: Instant
    expires_at: Instant
    decided_by: str | None
    decided_at: Instant | None

    @classmethod
    def of(cls, proposal: approvals_kinds.Proposal) -> "DisputeProposal":
        names = [name for name in cls.model_fields if name not in {"dispute_id", "outcome"}]
        return cls(
            **{name: getattr(proposal, name) for name in names},
            dispute_id=uuid.UUID(proposal.subject),
            outcome=proposal.content["outcome"],
        )
