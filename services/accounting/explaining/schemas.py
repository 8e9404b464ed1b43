"""HTTP models of a citizen's activities and their explanation."""

import uuid
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from services.accounting.methodologies.document import SourceStatus
from shared.contracts.outcomes_v1 import REASON_CODES, Status
from shared.http_language import Bilingual
from shared.instants import Instant
from shared.openapi.closed import one_of

ActivityStatus = Literal["credited", "pending", "refused", "reversed"]


class MethodologyRef(BaseModel):
    code: str = Field(examples=["WH-APP-METRO"])
    version: int = Field(examples=[1])


class ActivityItem(BaseModel):
    """One act and its verdict. `reason` explains the amount in one sentence."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "activity_id": "0b6f4b0e-3c55-8a3e-9a39-0f9f5d2f3c11",
                "scene": "metro",
                "occurred_at": "2026-11-22T08:30:00+08:00",
                "status": "credited",
                "amount_mg": 170_000,
                "display": "170 克",
                "reason_code": "CREDITED",
                "reason": "已按公布的方法学全额累计。",
                "methodology": {"code": "WH-APP-METRO", "version": 1},
            }
        }
    )

    activity_id: uuid.UUID
    scene: str | None
    occurred_at: Instant
    status: ActivityStatus
    amount_mg: int
    display: str
    reason_code: Annotated[str, one_of(REASON_CODES)]
    reason: str
    methodology: MethodologyRef | None


class ExplainedMethodology(BaseModel):
    code: str
    version: int
    title: Bilingual
    summary: Bilingual
    issuer: Bilingual
    document: Bilingual
    document_url: str | None
    source_status: Annotated[str, one_of(get_args(SourceStatus))]
    effective_from: str
    effective_to: str | None
    sha256: str


class ExplainedInput(BaseModel):
    name: str
    field: str | None
    title: Bilingual
    value: Bilingual


class ExplainedFactor(BaseModel):
    factor_id: str
    vintage: int
    name: Bilingual
    value: Bilingual
    unit: str
    source: str
    source_status: Annotated[str, one_of(get_args(SourceStatus))]


class ExplainedCap(BaseModel):
    cap_id: str
    period_start: date
    measure: Literal["acts", "mg"]
    limit: int
    used_before: int
    granted: int
    per: Literal["account", "household", "meter"] = Field(description="谁的计数 Whose counter")
    text: Bilingual


class ExplainedMend(BaseModel):
    """两位运营人员补正过无法读取的字段 · Two operators mended what could not be read."""

    proposal_id: uuid.UUID
    fields: list[str] = Field(examples=[["act.distance_m"]])
    text: Bilingual


class Explanation(BaseModel):
    """The explanation in both languages, with every number of the calculation. Steps after a refusal are empty."""

    status: Annotated[str, one_of(get_args(Status))]
    reason_code: Annotated[str, one_of(REASON_CODES)]
    reason: Bilingual
    amount_mg: int
    raw_mg: int = Field(description="上限之前的减碳量 Before caps")
    methodology: ExplainedMethodology | None
    formula: Bilingual | None
    formula_source: str | None
    inputs: list[ExplainedInput]
    factors: list[ExplainedFactor]
    steps: list[Bilingual]
    evidence: Bilingual | None
    caps: list[ExplainedCap]
    mend: ExplainedMend | None = Field(description="未经补正为空 · null unless the record was mended")


class ActivityDetail(ActivityItem):
    partner_id: str
    event_id: str
    received_at: Instant
    act: dict[str, Any] | None = Field(description="合作方上报的数据 What the partner reported")
    raw_event_sha256: str = Field(description="合作方签名的原始数据的哈希 Hash of the bytes that the partner signed")
    explanation: Explanation


class SummaryPoint(BaseModel):
    key: str = Field(examples=["2026-11"])
    amount_mg: int
    acts: int


class Summary(BaseModel):
    by: Literal["day", "month", "year", "scene"]
    first: date
    last: date
    items: list[SummaryPoint]
    total_mg: int


class Entry(BaseModel):
    """One line of the statement, seen from the account of the citizen."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "entry_id": "019aadf0-6c1e-7d2a-9a3a-3f1f0a1b2c3e",
                "posted_at": "2026-11-23T09:30:00+08:00",
                "kind": "hold",
                "direction": "out",
                "title": "兑换：一碗热干面",
                "amount_mg": 5_000_000,
                "display": "5.00 千克",
                "counterpart": "hold:019aadf0-6b00-7000-8000-000000000001",
                "activity_id": None,
                "hold_id": "019aadf0-6b00-7000-8000-000000000001",
                "order_id": "019aadf0-6b00-7000-8000-000000000001",
                "donation_id": None,
                "loan_offset_id": None,
            }
        }
    )

    entry_id: uuid.UUID
    posted_at: Instant
    kind: Literal[
        "credit", "hold", "capture", "release", "refund", "reversal", "repayment", "vest", "expire", "withdraw"
    ]
    direction: Literal["in", "out"]
    title: str = Field(description="这一笔是什么 What this line is, in words")
    amount_mg: int
    display: str
    counterpart: str = Field(examples=["issuance:WH-APP-BUS"], description="另一方账户 The other account")
    activity_id: uuid.UUID | None
    hold_id: uuid.UUID | None
    order_id: uuid.UUID | None = Field(description="对应的兑换订单 The order behind this line")
    donation_id: uuid.UUID | None = Field(description="对应的捐赠 The donation behind this line")
    loan_offset_id: uuid.UUID | None = Field(description="对应的利息抵扣 The loan offset behind this line")


class CardBalance(BaseModel):
    """A family card's account in milligrams CO2e."""

    card_id: uuid.UUID
    account_id: uuid.UUID
    available_mg: int = Field(description="可用 Available")
    pending_mg: int = Field(description="待生效 Credited, not yet vested")
    lifetime_mg: int = Field(description="累计减碳 Credited in all, without what was reversed")
    display: str
    frozen: bool
