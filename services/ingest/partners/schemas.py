"""HTTP models of the internal routes."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.ingest.partners.domain import Environment, Partner

# A signed request of 64 KiB is 88 KiB in base64. The rest is for the JSON around it.
SIGNED_BODY_BASE64_MAX = 100_000


class PartnerRecord(BaseModel):
    """A partner as other services need it. `phone_pepper` and `oauth` are secrets of the pair."""

    partner_id: str = Field(examples=["demo-bike"])
    name: str = Field(examples=["江城单车"])
    name_en: str = Field(examples=["River City Bikes"])
    source: str = Field(examples=["//bike.example.cn"])
    scenes: list[str] = Field(examples=[["bike"]])
    event_types: list[str]
    cities: list[str]
    late_window_s: int
    binding_modes: list[str]
    environment: Environment
    phone_pepper: str | None
    oauth: dict[str, Any] | None

    @classmethod
    def of(cls, partner: Partner) -> "PartnerRecord":
        return cls(
            partner_id=partner.partner_id,
            name=partner.name,
            name_en=partner.name_en,
            source=partner.source,
            scenes=list(partner.scenes),
            event_types=sorted(partner.event_types),
            cities=sorted(partner.cities),
            late_window_s=partner.late_window_s,
            binding_modes=list(partner.binding_modes),
            environment=partner.environment,
            phone_pepper=partner.phone_pepper,
            oauth=dict(partner.oauth) if partner.oauth is not None else None,
        )


class PartnerList(BaseModel):
    items: list[PartnerRecord]


class SignedRequest(BaseModel):
    """A request that another service received from a partner, as it came in."""

    model_config = ConfigDict(extra="forbid")

    method: str = Field(pattern=r"^[A-Z]{3,10}$", examples=["POST"])
    target: str = Field(
        pattern=r"^/[\x21-\x7e]*$", max_length=2048, description="path and query as sent", examples=["/api/v1/x?y=1"]
    )
    authorization: str = Field(min_length=1, max_length=2048)
    address: str | None = Field(None, max_length=64, description="the client's, for partners with an address list")
    body_base64: str = Field(max_length=SIGNED_BODY_BASE64_MAX)


class Signer(BaseModel):
    partner_id: str
    nonce: str
    timestamp: int = Field(description="seconds since 1970")
