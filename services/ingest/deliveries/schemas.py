"""HTTP models of webhooks and deliveries."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from services.ingest.audit.domain import Reason
from services.ingest.deliveries import repository
from services.ingest.deliveries.addresses import URL_CHARS_MAX
from services.ingest.deliveries.domain import DeliveryStatus, DisabledReason, EndpointStatus
from services.ingest.deliveries.service import DELIVERIES_KEPT, OVERLAP_DEFAULT_S
from shared.errors import InvalidValue
from shared.instants import Instant
from shared.language import Text

OVERLAP_S_MAX = 7 * 86_400

Url = Annotated[
    str, Field(min_length=1, max_length=URL_CHARS_MAX, examples=["https://bike.example.cn/carbon/receipts"])
]


class EndpointRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: Url
    parked: bool | None = Field(
        None,
        description="是否也推送 parked；缺省不变，起初为否 · also send parked results; default no change, at first no",
    )


class OpsEndpointRequest(EndpointRequest):
    reason: Reason


class OpsReason(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


class RotationRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    overlap_s: int = Field(
        OVERLAP_DEFAULT_S,
        ge=0,
        le=OVERLAP_S_MAX,
        description="旧密钥继续签名的秒数 · seconds during which the old secret signs as well",
    )


class Endpoint(BaseModel):
    partner_id: str
    url: str
    status: EndpointStatus
    disabled_reason: DisabledReason | None = Field(
        description="GONE: 返回 410 answered 410 · FAILING: 长期失败 failed for days · OPERATOR · PARTNER"
    )
    disabled_at: Instant | None
    failing_since: Instant | None = Field(description="上次成功之后首次失败 · first failure since the last success")
    last_success_at: Instant | None
    previous_secret_until: Instant | None
    parked: bool = Field(description="是否也推送等待绑定的结果 · whether parked results are sent")
    catching_up: bool = Field(description="正在补发停用期间的结果 · sending what it missed while disabled")
    updated_at: Instant
    secret: str | None = Field(
        None, description="仅在新建或轮换时返回一次 · shown once, when created or rotated", examples=["whsec_…"]
    )

    @classmethod
    def of(cls, row: repository.Row, secret: str | None = None) -> Self:
        return cls.model_validate(
            {
                **{name: row[name] for name in cls.model_fields if name in row},
                "previous_secret_until": row["previous_until"],
                "secret": secret,
            }
        )


class Queued(BaseModel):
    delivery_id: UUID


class Replayed(BaseModel):
    replayed: int


class RangeRequest(BaseModel):
    """按创建时间；已在途中的不受影响 · By time of creation. Deliveries that are under way are not affected."""

    model_config = ConfigDict(extra="forbid")

    created_from: AwareDatetime
    created_before: AwareDatetime
    status: Literal["delivered", "exhausted"] | None = Field(None, description="缺省为两者 · default both")

    @model_validator(mode="after")
    def _an_interval(self) -> Self:
        if not timedelta(0) < self.created_before - self.created_from <= DELIVERIES_KEPT:
            raise InvalidValue(
                Text(
                    f"须在 0 到 {DELIVERIES_KEPT.days} 天之间，请重新选择。",
                    f"It lies between 0 and {DELIVERIES_KEPT.days} days.",
                )
            )
        return self


class Delivery(BaseModel):
    delivery_id: UUID = Field(
        description="webhook-id 为 msg_ 加其 32 位十六进制 · webhook-id is msg_ and its 32 hex digits"
    )
    type: str = Field(examples=["cn.carboninclusion.results.v1"])
    events: int = Field(description="其中结果条数 · results inside")
    status: DeliveryStatus
    attempts: int = Field(description="尝试次数，重发后重新计数 · tries since it was created or replayed")
    last_status_code: int | None
    last_error: str | None
    created_at: Instant
    finished_at: Instant | None
    next_attempt_at: Instant | None

    @classmethod
    def of(cls, row: repository.Row) -> Self:
        return cls.model_validate({name: row[name] for name in cls.model_fields if name in row})


class DeliveryAttempt(BaseModel):
    number: int
    started_at: Instant
    duration_ms: int
    status_code: int | None
    error: str | None


class DeliveryDetail(Delivery):
    payload: dict[str, Any]
    log: list[DeliveryAttempt]

    @classmethod
    def with_attempts(cls, row: repository.Row, attempts: Sequence[repository.Row]) -> Self:
        log = [DeliveryAttempt.model_validate({n: one[n] for n in DeliveryAttempt.model_fields}) for one in attempts]
        plain = {name: row[name] for name in Delivery.model_fields}
        return cls.model_validate({**plain, "payload": json.loads(row["payload"]), "log": log})
