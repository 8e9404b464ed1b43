"""HTTP models of activities."""

import uuid
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ActivityStatus = Literal["credited", "pending", "refused", "reversed"]


class Bilingual(BaseModel):
    zh: str
    en: str


class MethodologyRef(BaseModel):
    code: str = Field(examples=["WH-APP-METRO"])
    version: int = Field(examples=[1])


class ActivityItem(BaseModel):
    """One act and its verdict. `reason` says in a sentence why it earned what it earned."""

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
    occurred_at: datetime
    status: ActivityStatus
    amount_mg: int
    display: str
    reason_code: str
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
    source_status: str
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
    source_status: str


class ExplainedCap(BaseModel):
    cap_id: str
    period_start: date
    measure: Literal["acts", "mg"]
    limit: int
    used_before: int
    granted: int
    per: Literal["account", "household", "meter"] = Field(description="谁的计数 Whose counter")
    text: Bilingual


class Explanation(BaseModel):
    """Why, in both languages, with every number that made the result; empty parts were never reached."""

    status: str
    reason_code: str
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


class ActivityDetail(ActivityItem):
    partner_id: str
    event_id: str
    received_at: datetime
    act: dict[str, Any] | None = Field(description="合作方上报的数据 What the partner reported")
    raw_event_sha256: str = Field(description="合作方签名的原始数据的哈希 Hash of the bytes the partner signed")
    explanation: Explanation


class Evidence(BaseModel):
    """What a citizen could show; kept as a hash only, and not counted as proof."""

    model_config = ConfigDict(extra="forbid")

    receipt_no: str | None = Field(
        None, min_length=1, max_length=64, pattern=r"^[^\x00]*$", description="小票号 The shop's receipt number"
    )
    photo_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$", description="照片的哈希 Hash of a photo")


class ClaimRequest(BaseModel):
    """An act of today, just now, by the citizen's own word."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"scene": "own_bag", "count": 1, "client_request_id": "bag-20261124-0001"}},
    )

    scene: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["own_bag"])
    count: int = Field(ge=1, le=1000, strict=True, description="数量；合理范围由方法学规定 The methodology bounds it")
    city_code: str | None = Field(None, pattern=r"^[0-9]{6}$", description="GB/T 2260，默认本市 default: the city")
    evidence: Evidence | None = None
    client_request_id: str | None = Field(
        None,
        pattern=r"^[\x21-\x7e]{8,128}$",
        description="没有 Idempotency-Key 请求头时必填 Needed where no Idempotency-Key header is sent",
    )


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


class CapAllowance(BaseModel):
    cap_id: str
    period: Literal["day", "month", "year"]
    period_start: date
    measure: Literal["acts", "mg"]
    per: Literal["account", "household", "meter"]
    shared: bool = Field(description="与家人合用 Used together with the household")
    limit: int
    used: int = Field(description="已用，合用的按合计 Used so far; together where it is shared")
    left: int


class SceneAllowance(BaseModel):
    scene: str
    title: Bilingual
    methodology: MethodologyRef
    caps: list[CapAllowance]


class Allowances(BaseModel):
    today: date
    items: list[SceneAllowance]


class IntakeTotal(BaseModel):
    partner_id: str
    status: str
    reason_code: str
    events: int
    amount_mg: int


class IntakeTotals(BaseModel):
    events: int
    items: list[IntakeTotal]
