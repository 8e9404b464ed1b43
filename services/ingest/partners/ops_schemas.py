"""What operators are shown of partners and keys. Only IssuedKey has a field for a secret."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from services.ingest.partners.domain import Environment, KeyState, Status


class KeyView(BaseModel):
    app_key: str = Field(examples=["ak-bike-3f9c2a7d41e0b6c8"])
    algorithm: str = Field(examples=["CP1-ED25519"])
    environment: Environment
    state: KeyState
    public_key_sha256: str | None = Field(description="登记的公钥的摘要 · of the registered text; null for secrets")
    rule: dict[str, Any] | None = Field(description="旧式签名的规则 · of an older signature")
    not_before: datetime | None
    not_after: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class IssuedKey(KeyView):
    secret: str | None = Field(description="只显示这一次；公钥算法为空 · shown this once; null for public keys")


class PartnerView(BaseModel):
    """A partner as operators see it. `has_phone_pepper` and `has_oauth` say whether a secret is set."""

    partner_id: str
    name: str
    name_en: str
    source: str
    scenes: list[str]
    event_types: list[str]
    cities: list[str]
    late_window_s: int
    binding_modes: list[str]
    environment: Environment
    status: Status
    requests_per_s: int | None
    requests_burst: int | None
    events_per_s: int | None
    events_burst: int | None
    events_per_day: int | None
    allowed_networks: list[str]
    has_phone_pepper: bool
    has_oauth: bool
    updated_at: datetime
    keys: list[KeyView]
