import uuid
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared import approvals_kinds
from shared.approvals_kinds import Status
from shared.instants import Instant

DecisionReason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=r"^[^\x00]+$"),
    Field(description="写入审计记录 Stored in the audit log", examples=["材料齐全"]),
]


# The kinds of all rooms. `main.py` registers each with its acts; a kind that is missing here fails a test.
ProposalKind = Literal[
    "enterprise.approve",
    "enterprise.resume",
    "enterprise.appoint_admin",
    "operator_role.give",
    "operator_role.take",
    "age.correct",
    "dead_letter.mend",
]
# The document of the API reads these names to find what a decision may raise.
KIND_NAMES: Final = (
    "enterprise.approve",
    "enterprise.resume",
    "enterprise.appoint_admin",
    "operator_role.give",
    "operator_role.take",
    "age.correct",
    "dead_letter.mend",
)


class DecisionIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "材料齐全"}]})

    reason: DecisionReason


class ProposalOut(BaseModel):
    """A change that waits for a second operator. `content` is what will be done."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "proposal_id": "01999e5e-0000-7000-8000-000000000001",
                "kind": "enterprise.approve",
                "subject": "01999e5e-0000-7000-8000-000000000002",
                "content": {},
                "reason": "材料齐全",
                "status": "open",
                "proposed_by": "local:anna",
                "proposed_at": "2026-11-27T10:00:00+08:00",
                "expires_at": "2026-12-11T10:00:00+08:00",
                "decided_by": None,
                "decided_at": None,
            }
        }
    )

    proposal_id: uuid.UUID
    kind: ProposalKind
    subject: str = Field(description="要变更的对象 What will change")
    content: dict[str, Any]
    reason: str
    status: Status
    proposed_by: str
    proposed_at: Instant
    expires_at: Instant
    decided_by: str | None = Field(description="未处理或已过期为空 Null while open, and when it expired")
    decided_at: Instant | None

    @classmethod
    def of(cls, proposal: approvals_kinds.Proposal) -> Self:
        return cls.model_validate(proposal, from_attributes=True)
