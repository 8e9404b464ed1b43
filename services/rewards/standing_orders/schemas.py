"""HTTP models of standing orders."""

import uuid
from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from services.rewards.certificates.schemas import CertifiedCampaign
from services.rewards.slugs import SLUG_PATTERN
from services.rewards.standing_orders.domain import MONTHS_MAX, EndReason, OrderStatus, RunStatus
from services.rewards.standing_orders.service import Plan, Run, StandingOrder
from shared.amounts import display
from shared.contracts.holds import AMOUNT_MG_MAX
from shared.instants import Instant
from shared.language import Language
from shared.openapi.closed import one_of

# What a month can be skipped for: refusals of a donation, and a month in which no worker ran.
SKIPPED_FOR = (
    "ACCOUNT_FROZEN",
    "AMOUNT_OUT_OF_RANGE",
    "CAMPAIGN_CLOSED",
    "HOLD_REFUSED",
    "INSUFFICIENT_BALANCE",
    "MISSED",
    "SETTLEMENT_TIMED_OUT",
    "TARGET_EXCEEDED",
)


class StandingOrderRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"campaign_id": "zero-carbon-marathon", "amount_mg": 2_000_000, "day": 31, "months": 12}
        },
    )

    campaign_id: str = Field(pattern=SLUG_PATTERN)
    amount_mg: int = Field(gt=0, le=AMOUNT_MG_MAX, strict=True, description="每月捐出（毫克） Milligrams a month")
    day: int = Field(
        ge=1, le=31, strict=True, description="每月几号；没有这一天则为月末 The last day where it is missing"
    )
    months: int | None = Field(
        None,
        ge=1,
        le=MONTHS_MAX,
        strict=True,
        description="几个月；不填则直到活动结束 Null: until the campaign is over",
    )

    def to_plan(self) -> Plan:
        return Plan(self.campaign_id, self.amount_mg, self.day, self.months)


class StandingRunView(BaseModel):
    """One month. A skipped month leaves no debt."""

    month: str = Field(description="YYYY-MM")
    due_on: date
    status: RunStatus
    reason_code: Annotated[str, one_of(SKIPPED_FOR)] | None = Field(description="未捐的原因 Why nothing was given")
    donation_id: uuid.UUID | None

    @classmethod
    def of(cls, run: Run) -> Self:
        return cls(
            month=f"{run.month:%Y-%m}",
            due_on=run.due_on,
            status=run.status,
            reason_code=run.reason_code,
            donation_id=run.donation_id,
        )


class StandingOrderView(BaseModel):
    """A monthly donation of the caller."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "standing_order_id": "019aadf0-6b00-7000-8000-000000000006",
                "status": "active",
                "campaign": {"campaign_id": "zero-carbon-marathon", "title": "零碳马拉松"},
                "amount_mg": 2_000_000,
                "display": "2.00 千克",
                "day": 31,
                "months_left": 10,
                "next_on": "2027-01-31",
                "end_reason": None,
                "created_at": "2026-11-27T09:30:00+08:00",
                "ended_at": None,
                "runs": [
                    {
                        "month": "2026-12",
                        "due_on": "2026-12-31",
                        "status": "skipped",
                        "reason_code": "INSUFFICIENT_BALANCE",
                        "donation_id": None,
                    }
                ],
            }
        }
    )

    standing_order_id: uuid.UUID
    status: OrderStatus
    campaign: CertifiedCampaign
    amount_mg: int
    display: str
    day: int
    months_left: int | None = Field(
        description="还有几个月，含未捐的月份 Months to come; null: until the campaign is over"
    )
    next_on: date | None = Field(description="下一次的日期，暂停或结束后为 null Null while paused and once ended")
    end_reason: EndReason | None
    created_at: Instant
    ended_at: Instant | None
    runs: list[StandingRunView] = Field(description="最近 24 个月，新的在前 The last 24 months, newest first")

    @classmethod
    def of(cls, order: StandingOrder, *, language: Language) -> Self:
        return cls(
            standing_order_id=order.standing_order_id,
            status=order.status,
            campaign=CertifiedCampaign(campaign_id=order.campaign_id, title=order.campaign_title.pick(language)),
            amount_mg=order.amount_mg,
            display=display(order.amount_mg, language),
            day=order.day,
            months_left=order.months_left,
            next_on=order.next_on,
            end_reason=order.end_reason,
            created_at=order.created_at,
            ended_at=order.ended_at,
            runs=[StandingRunView.of(one) for one in order.runs],
        )
