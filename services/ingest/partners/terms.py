"""What operators enter about partners and keys, always with a reason."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, field_validator

from services.ingest.audit.domain import Reason
from services.ingest.event_types import full_name
from services.ingest.partners.domain import Environment
from services.ingest.partners.legacy import LegacyRule
from services.ingest.partners.oauth_terms import OauthTerms
from services.ingest.partners.seed_file import (
    KEY_ALGORITHMS,
    LATE_WINDOW_S_MAX,
    PUBLIC_KEY_CHARS_MAX,
    BindingMode,
    CityCode,
    EventsBurst,
    EventsPerDay,
    Identifier,
    Name,
    Network,
    PartnerIdentifier,
    PerSecond,
    Scene,
)

# Defaults for a new partner. They suffice for the bike company of a mid-sized city and bound the harm of a leaked key.
REQUESTS_PER_S, REQUESTS_BURST = 50, 100
EVENTS_PER_S, EVENTS_BURST = 2_000, 5_000
EVENTS_PER_DAY = 1_000_000
LATE_WINDOW_S = 7 * 86_400


class Reasoned(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


class PartnerTerms(Reasoned):
    """The terms of a partner, always given as a whole: a field that is left out returns to its default."""

    name: Name = Field(examples=["江城单车"])
    name_en: Name = Field(examples=["River City Bikes"])
    source: str = Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$", examples=["//bike.example.cn"])
    scenes: list[Scene] = Field(max_length=50, examples=[["bike"]])
    event_types: list[str] = Field(min_length=1, max_length=20, examples=[["trip.completed", "event.corrected"]])
    cities: list[CityCode] = Field(default=[], max_length=1000, description="空为全市 · empty: every city")
    late_window_s: int = Field(LATE_WINDOW_S, ge=0, le=LATE_WINDOW_S_MAX)
    binding_modes: list[BindingMode] = Field(default=["account_no"])
    requests_per_s: PerSecond | None = REQUESTS_PER_S
    requests_burst: PerSecond | None = REQUESTS_BURST
    events_per_s: PerSecond | None = EVENTS_PER_S
    events_burst: EventsBurst | None = EVENTS_BURST
    events_per_day: EventsPerDay | None = Field(EVENTS_PER_DAY, description="日限额，用尽即停 · stops a leaked key")
    allowed_networks: list[Network] = Field(default=[], max_length=100, examples=[["203.0.113.0/24"]])
    phone_pepper: SecretStr | None = Field(
        None, min_length=16, max_length=256, description="缺省不变 · write only; left out: unchanged"
    )
    oauth: OauthTerms | None = Field(None, description="缺省不变，整体替换 · write only; left out: unchanged")

    @field_validator("event_types")
    @classmethod
    def _full_names(cls, value: list[str]) -> list[str]:
        return sorted({full_name(name) for name in value})


class NewPartner(PartnerTerms):
    partner_id: PartnerIdentifier = Field(examples=["bike"])
    environment: Environment = "live"


class NewKey(Reasoned):
    """A key to issue. An HMAC secret is generated and shown once. Other algorithms need the partner's public key."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"algorithm": "CP1-HMAC-SHA256", "reason": "首个正式密钥"},
                {
                    "algorithm": "CP1-ED25519",
                    "public_key": "-----BEGIN PUBLIC KEY-----\nMCow…\n-----END PUBLIC KEY-----\n",
                    "reason": "改用公钥签名",
                },
            ]
        },
    )

    algorithm: Literal[KEY_ALGORITHMS]  # type: ignore[valid-type]  # the list is data: presets bring their own names
    app_key: Identifier | None = Field(None, description="缺省由平台生成 · default: made here")
    environment: Environment | None = Field(None, description="缺省同合作方 · default: the partner's")
    public_key: str | None = Field(None, max_length=PUBLIC_KEY_CHARS_MAX)
    rule: LegacyRule | None = None
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None


class KeyTimes(Reasoned):
    """From when and until when a key is valid. Left out: without a bound."""

    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None
