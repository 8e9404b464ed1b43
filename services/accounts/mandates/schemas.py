import uuid
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from services.accounts.mandates.domain import EndReason, MandateState, TermsState
from services.accounts.mandates.service import MandateView
from services.accounts.mandates.terms import TermsView
from shared.contracts.mandates_v1 import MandateKind
from shared.instants import Instant

Scene = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["bus"])]
Scenes = Annotated[list[Scene], Field(min_length=1, max_length=20, examples=[["bus", "metro"]])]
TermsVersion = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,32}$", examples=["2026-11"])]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_PLATFORM = "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d4e"
_TERMS: JsonDict = {
    "terms_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d60",
    "platform_id": _PLATFORM,
    "platform_name": "江城出行有限公司",
    "kind": "benefit",
    "scenes": ["bus", "metro"],
    "terms_version": "2026-11",
    "terms_sha256": _HASH,
    "valid_days": 365,
    "threshold_mg": 10_000_000,
    "status": "published",
    "published_at": "2026-11-27T10:00:00+08:00",
    "ends_at": None,
}


class MandateIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "platform_id": _PLATFORM,
                    "kind": "benefit",
                    "scenes": ["bus"],
                    "terms_version": "2026-11",
                    "terms_sha256": _HASH,
                }
            ]
        },
    )

    platform_id: uuid.UUID
    kind: MandateKind = Field(description="benefit 换等值权益 for benefits; agency 代为出售 sold on my behalf")
    scenes: Scenes
    terms_version: TermsVersion
    terms_sha256: Sha256 = Field(description="用户读到的条款的 SHA-256 Of the text that the citizen read")


class MandateOut(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "mandate_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d61",
                "platform_id": _PLATFORM,
                "platform_name": "江城出行有限公司",
                "terms_id": "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d60",
                "kind": "benefit",
                "scenes": ["bus"],
                "terms_version": "2026-11",
                "terms_sha256": _HASH,
                "threshold_mg": 10_000_000,
                "status": "active",
                "accepted_at": "2026-11-27T10:00:00+08:00",
                "until": "2027-11-27T10:00:00+08:00",
                "end_reason": "expiry",
            }
        }
    )

    mandate_id: uuid.UUID
    platform_id: uuid.UUID
    platform_name: str
    terms_id: uuid.UUID
    kind: MandateKind
    scenes: list[str]
    terms_version: str
    terms_sha256: str
    threshold_mg: int | None = Field(description="每年最多归集的克数（毫克），空为不限 At most in a calendar year")
    status: MandateState
    accepted_at: Instant = Field(description="此后的行为才归集 Acts from then on")
    until: Instant | None = Field(description="到此为止，可能在将来 The end, perhaps in the future")
    end_reason: EndReason | None

    @classmethod
    def of(cls, view: MandateView) -> Self:
        return cls.model_validate(view, from_attributes=True)


class TermsIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "kind": "benefit",
                    "scenes": ["bus", "metro"],
                    "terms_version": "2026-11",
                    "text": "我同意把公交、地铁出行的减碳量交由江城出行归集，换取等值权益。",
                    "valid_days": 365,
                    "threshold_mg": 10_000_000,
                }
            ]
        },
    )

    kind: MandateKind
    scenes: Scenes
    terms_version: TermsVersion
    text: Annotated[str, StringConstraints(min_length=10, max_length=20_000, pattern=r"^[^\x00]+$")]
    valid_days: int | None = Field(None, ge=1, le=3660, description="空为长期 Null: no expiry")
    threshold_mg: int | None = Field(None, ge=1, le=10**12, description="每年最多归集，空为不限 At most in a year")


class TermsEndIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"ends_at": "2027-01-31T00:00:00+08:00"}]}
    )

    ends_at: AwareDatetime = Field(description="至少 30 天以后 At least 30 days ahead")


class TermsOut(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": _TERMS})

    terms_id: uuid.UUID
    platform_id: uuid.UUID
    platform_name: str
    kind: MandateKind
    scenes: list[str]
    terms_version: str
    terms_sha256: str = Field(description="条款正文 UTF-8 的 SHA-256 Of the UTF-8 bytes of the text")
    valid_days: int | None
    threshold_mg: int | None
    status: TermsState
    published_at: Instant | None
    ends_at: Instant | None

    @classmethod
    def of(cls, view: TermsView) -> Self:
        return cls.model_validate(view, from_attributes=True)


class TermsTextOut(TermsOut):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {**_TERMS, "text": "我同意把公交、地铁出行的减碳量交由江城出行归集，换取等值权益。"}
        }
    )

    text: str
