"""HTTP models of operators' acts on the ledger."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# Kept for ever in the audit log: a sentence, without what PostgreSQL cannot store.
Why = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=5, max_length=500, pattern=r"^[^\x00-\x08\x0b-\x1f]+$"),
]


class Reason(BaseModel):
    """Why, for whoever reads the audit log later."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "合作方确认该笔行程为测试数据，工单 2026-1123"}}
    )

    reason: Why


class Proposal(BaseModel):
    """An act on the ledger that needs a second person."""

    proposal_id: uuid.UUID
    kind: Literal["reversal", "unfreeze"]
    subject_id: uuid.UUID = Field(description="减碳记录或账户 The activity or the account")
    reason: str
    status: Literal["open", "approved", "rejected"]
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class AccountState(BaseModel):
    account_id: uuid.UUID
    frozen: bool
