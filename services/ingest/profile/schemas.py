"""HTTP models of a partner's own registration."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from services.ingest.deliveries.schemas import Endpoint
from services.ingest.limits.service import Quota
from services.ingest.partners.domain import Environment, KeyState
from services.ingest.partners.service import Caller, Key
from shared.instants import Instant


class OwnKey(BaseModel):
    """A key without its secret."""

    app_key: str = Field(examples=["ak-bike"])
    algorithm: str = Field(examples=["CP1-HMAC-SHA256"])
    environment: Environment
    state: KeyState
    not_before: Instant | None
    not_after: Instant | None
    signed_this: bool = Field(description="本次请求所用 · the key of this request")

    @classmethod
    def of(cls, key: Key, *, used: str, at: datetime) -> "OwnKey":
        return cls(
            app_key=key.app_key,
            algorithm=key.algorithm,
            environment=key.environment,
            state=key.interval.state(at),
            not_before=key.interval.not_before,
            not_after=key.interval.not_after,
            signed_this=key.app_key == used,
        )


class OwnLimit(BaseModel):
    """A limit and what is left of it, as in the headers `RateLimit-Policy` and `RateLimit`."""

    name: Literal["requests", "events", "day"] = Field(
        description="requests 请求 · events 事件（短时）· day 每日事件 · requests, events at once, events of the day"
    )
    limit: int = Field(examples=[5000])
    window_s: int = Field(examples=[3])
    remaining: int = Field(examples=[4500])
    reset_s: int = Field(description="多少秒后恢复满额 · seconds until all of it is there again", examples=[1])


class PartnerProfile(BaseModel):
    partner_id: str = Field(examples=["bike"])
    name: str = Field(examples=["江城单车"])
    name_en: str = Field(examples=["River City Bikes"])
    environment: Environment = Field(description="本次所用密钥的环境 · of the key of this request")
    source: str = Field(examples=["//bike.example.cn"])
    event_types: list[str] = Field(examples=[["cn.carboninclusion.trip.completed.v1"]])
    cities: list[str] = Field(description="空为全市 · empty: every city", examples=[["420100"]])
    scenes: list[str] = Field(examples=[["bike"]])
    binding_modes: list[str] = Field(examples=[["account_no"]])
    late_window_s: int = Field(examples=[604800])
    allowed_networks: list[str] = Field(description="空为任意地址 · empty: any address", examples=[["203.0.113.0/24"]])
    keys: list[OwnKey]
    limits: list[OwnLimit] = Field(description="未设限的不列出 · a limit that is not set is left out")
    webhook: Endpoint | None

    @classmethod
    def of(
        cls, caller: Caller, keys: Sequence[Key], quotas: Sequence[Quota], webhook: Endpoint | None, at: datetime
    ) -> "PartnerProfile":
        partner = caller.partner
        return cls(
            partner_id=partner.partner_id,
            name=partner.name,
            name_en=partner.name_en,
            environment=partner.environment,
            source=partner.source,
            event_types=sorted(partner.event_types),
            cities=sorted(partner.cities),
            scenes=list(partner.scenes),
            binding_modes=list(partner.binding_modes),
            late_window_s=partner.late_window_s,
            allowed_networks=[str(network) for network in partner.allowed_networks],
            keys=[OwnKey.of(key, used=caller.app_key, at=at) for key in keys],
            limits=[OwnLimit.model_validate(one, from_attributes=True) for one in quotas],
            webhook=webhook,
        )
