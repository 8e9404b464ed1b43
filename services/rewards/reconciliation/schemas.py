"""HTTP models of reconciliation."""

import uuid
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.rewards.reconciliation.domain import Difference
from services.rewards.reconciliation.service import Run
from shared import approvals_kinds
from shared.approvals_kinds import Status
from shared.instants import Instant


class RunView(BaseModel):
    """One comparison of all orders and donations with accounting's holds."""

    model_config = ConfigDict(from_attributes=True)

    run_id: uuid.UUID
    night: date | None = Field(description="每晚自动核对的日期；空为人工发起 Null: started by an operator")
    requested_by: str
    started_at: Instant
    finished_at: Instant | None
    compared: int = Field(description="已核对的订单、捐赠与冻结 Ids compared so far")
    in_flight: int = Field(description="刚有变动、留待下次核对 Moved within the last minutes, left to the next run")
    differing: int
    last_error: str | None = Field(description="最近一次未能读取核算服务的原因 Why accounting could not be read")


class TotalView(BaseModel):
    """Both sides of one receiver, without what was in flight."""

    model_config = ConfigDict(from_attributes=True)

    receiver: str = Field(examples=["redeemed:guozao", "donated:zero-carbon-marathon"])
    confirmed: int = Field(description="本服务已确认的订单或捐赠 Confirmed here")
    confirmed_mg: int
    captured: int = Field(description="核算服务已扣划的冻结 Captured there")
    captured_mg: int


class RunDetail(RunView):
    ok: bool = Field(description="已完成且没有未处理的差异 Finished, and no difference is left")
    capture_again: str | None = Field(description="批准补扣的提案 The proposal that lets captures be repeated")
    differences: dict[Difference, int] = Field(description="尚未处理的差异，按种类 Differences left, by kind")
    totals: list[TotalView]

    @classmethod
    def of_run(cls, run: Run, *, counts: dict[str, int], totals: Any) -> "RunDetail":
        return cls(
            **RunView.model_validate(run).model_dump(),
            ok=run.finished_at is not None and not counts,
            capture_again=run.capture_again,
            differences={Difference(name): count for name, count in counts.items()},
            totals=[TotalView.model_validate(total) for total in totals],
        )


class DifferenceView(BaseModel):
    """One id whose two sides do not agree. Null: unknown on that side."""

    model_config = ConfigDict(from_attributes=True)

    settlement_id: uuid.UUID = Field(description="订单号或捐赠号，也是冻结号 Also the id of the hold")
    difference: Difference
    kind: Literal["order", "donation", "loan"] | None
    account_id: uuid.UUID | None
    status: Literal["pending", "cancelling", "confirmed", "cancelled"] | None
    amount_mg: int | None
    receiver: str | None
    hold_account_id: uuid.UUID | None
    hold_status: Literal["held", "captured", "voided", "expired"] | None
    hold_amount_mg: int | None
    hold_receiver: str | None
    posted_mg: int | None = Field(description="账本中从该冻结转出的数额 What left the hold by the ledger")
    posted_to: str | None
    result: Literal["captured", "insufficient_balance", "hold_ended", "refused"] | None = Field(
        description="补扣结果 Result of the repeated capture"
    )
    result_at: Instant | None


class Decision(BaseModel):
    """Why the second person decides so, for readers of the audit log."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "已核对两边的编号与数额"}})

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=r"^[^\x00]+$")
    ]


class CaptureReason(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "核算库由昨日备份恢复，按核对结果补扣"}}
    )

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=5, max_length=500, pattern=r"^[^\x00]+$")
    ]


class CaptureProposal(BaseModel):
    """A proposal to repeat the missing captures of a run. It needs a second person."""

    proposal_id: uuid.UUID
    run_id: uuid.UUID
    reason: str
    status: Status
    proposed_by: str
    proposed_at: Instant
    expires_at: Instant
    decided_by: str | None
    decided_at: Instant | None

    @classmethod
    def of(cls, proposal: approvals_kinds.Proposal) -> "CaptureProposal":
        return cls(
            proposal_id=proposal.proposal_id,
            run_id=uuid.UUID(proposal.subject),
            reason=proposal.reason,
            status=proposal.status,
            proposed_by=proposal.proposed_by,
            proposed_at=proposal.proposed_at,
            expires_at=proposal.expires_at,
            decided_by=proposal.decided_by,
            decided_at=proposal.decided_at,
        )
