"""HTTP models of merchants, shops, keys and tills."""

import uuid
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.rewards.merchants.credentials import Enrolment, NewKey, NewTill
from services.rewards.merchants.service import Merchant, Shop
from services.rewards.slugs import SLUG_PATTERN
from shared import approvals_kinds
from shared.auth.cp1 import ED25519, HMAC_SHA256, RSA_SHA256, SM2_SM3
from shared.instants import Instant
from shared.language import Language, Text

Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=r"^[^\x00]+$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00]+$")]
Address = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00]*$")]
Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
Algorithm = Literal["CP1-HMAC-SHA256", "CP1-ED25519", "CP1-RSA-SHA256", "CP1-SM2-SM3"]
assert {HMAC_SHA256, ED25519, RSA_SHA256, SM2_SM3} == set(Algorithm.__args__)  # type: ignore[attr-defined]  # of Literal

_AT: Final = "2026-11-27T09:30:00+08:00"
_PROPOSAL: Final = "019aadf0-7000-7000-8000-000000000001"
_WHY: Final = "与门店签约"


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MerchantReason(_Request):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": _WHY}})

    reason: Why


class MerchantRequest(_Request):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"merchant_id": "guozao", "name": "过早铺子", "name_en": "Breakfast Shops", "reason": _WHY}
        },
    )

    merchant_id: Slug
    name: Name
    name_en: Name
    reason: Why

    @property
    def names(self) -> Text:
        return Text(self.name, self.name_en)


class ShopRequest(_Request):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "shop_id": "guozao-hubu",
                "name": "过早铺子户部巷店",
                "name_en": "Breakfast Shop, Hubu Lane",
                "address": "武昌区户部巷 12 号",
                "reason": _WHY,
            }
        },
    )

    shop_id: Slug
    name: Name
    name_en: Name
    address: Address = ""
    reason: Why

    @property
    def names(self) -> Text:
        return Text(self.name, self.name_en)


class KeyRequest(_Request):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"algorithm": HMAC_SHA256, "public_key": None, "reason": _WHY}}
    )

    algorithm: Algorithm
    public_key: Annotated[str, StringConstraints(max_length=4_000, pattern=r"^[^\x00]+$")] | None = Field(
        None, description="非 HMAC 算法必填（PEM） Needed for all algorithms but HMAC"
    )
    reason: Why


class EnrolmentRequest(_Request):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"name": "一号收银台", "reason": _WHY}})

    name: Name = Field(description="收银台名称 Name of the till")
    reason: Why


class OwnEnrolmentRequest(_Request):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"shop_id": "guozao-hubu", "name": "一号收银台"}}
    )

    shop_id: Slug
    name: Name


class MerchantView(BaseModel):
    merchant_id: str
    name: str
    status: Literal["active", "suspended"]
    created_at: Instant

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"merchant_id": "guozao", "name": "过早铺子", "status": "active", "created_at": _AT}
        }
    )

    @classmethod
    def of(cls, merchant: Merchant, *, language: Language) -> "MerchantView":
        return cls.model_validate(
            {
                "merchant_id": merchant.merchant_id,
                "name": merchant.name.pick(language),
                "status": merchant.status,
                "created_at": merchant.created_at,
            }
        )


_SHOP: Final[dict[str, Any]] = {
    "shop_id": "guozao-hubu",
    "merchant_id": "guozao",
    "name": "过早铺子户部巷店",
    "address": "武昌区户部巷 12 号",
    "open": True,
}


class ShopView(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": _SHOP})

    shop_id: str
    merchant_id: str
    name: str
    address: str
    open: bool = Field(description="关店后不再收券 A closed one takes no vouchers")

    @classmethod
    def of(cls, shop: Shop, *, language: Language) -> "ShopView":
        return cls(
            shop_id=shop.shop_id,
            merchant_id=shop.merchant_id,
            name=shop.name.pick(language),
            address=shop.address,
            open=shop.closed_at is None,
        )


class MerchantProposal(BaseModel):
    """A step that needs a second person. `subject`: the merchant or the key."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "proposal_id": _PROPOSAL,
                "kind": "merchant.register",
                "subject": "guozao",
                "reason": _WHY,
                "status": "open",
                "proposed_by": "ops-ann",
                "proposed_at": _AT,
                "expires_at": "2026-12-11T09:30:00+08:00",
                "decided_by": None,
                "decided_at": None,
            }
        }
    )

    proposal_id: uuid.UUID
    kind: Literal["merchant.register", "merchant.resume", "merchant.issue_key"]
    subject: str
    reason: str
    status: approvals_kinds.Status
    proposed_by: str
    proposed_at: Instant
    expires_at: Instant
    decided_by: str | None
    decided_at: Instant | None

    @classmethod
    def of(cls, proposal: approvals_kinds.Proposal) -> "MerchantProposal":
        return cls.model_validate({name: getattr(proposal, name) for name in cls.model_fields})


class NewKeyView(BaseModel):
    """The secret of an HMAC key is shown here and never again."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "app_key": "mk-guozao-0f1e2d3c4b5a",
                "secret": "cmsk_Zm9yLXRoZS1kb2N1bWVudGF0aW9u",
                "proposal_id": _PROPOSAL,
            }
        }
    )

    app_key: str
    secret: str | None
    proposal_id: uuid.UUID

    @classmethod
    def of(cls, new: NewKey) -> "NewKeyView":
        return cls(app_key=new.app_key, secret=new.secret, proposal_id=new.proposal.proposal_id)


class KeyView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    app_key: str
    algorithm: Algorithm
    created_at: Instant
    live_at: Instant | None = Field(description="第二人批准的时间，空为尚未生效 Null: not approved yet")
    revoked_at: Instant | None


class TillView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    till_id: uuid.UUID
    shop_id: str
    name: str
    enrolled_at: Instant
    revoked_at: Instant | None


class MerchantDetail(BaseModel):
    """A merchant with its shops, keys and tills. Of the tills the newest 500."""

    merchant: MerchantView
    shops: list[ShopView]
    keys: list[KeyView]
    tills: list[TillView]


class EnrolmentView(BaseModel):
    """The code of one till. It works once, for some minutes."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "shop_id": "guozao-hubu",
                "code": "p2w9Zm9yLXRoZS1kb2N1bWVudGF0aW9u",
                "expires_at": "2026-11-27T09:40:00+08:00",
                "qr_svg": "<svg …/>",
            }
        }
    )

    shop_id: str
    code: str
    expires_at: Instant
    qr_svg: str

    @classmethod
    def of(cls, enrolment: Enrolment, *, qr_svg: str) -> "EnrolmentView":
        return cls(shop_id=enrolment.shop_id, code=enrolment.code, expires_at=enrolment.expires_at, qr_svg=qr_svg)


class NewTillView(BaseModel):
    """The token is shown here and never again. It does not end by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "till_id": "019aadf0-7100-7000-8000-000000000001",
                "shop_id": "guozao-hubu",
                "name": "一号收银台",
                "token": "cit_019aadf0710070008000000000000001_Zm9yLXRoZS1kb2N1bWVudGF0aW9u",
            }
        }
    )

    till_id: uuid.UUID
    shop_id: str
    name: str
    token: str

    @classmethod
    def of(cls, new: NewTill) -> "NewTillView":
        return cls(till_id=new.till_id, shop_id=new.shop_id, name=new.name, token=new.token)
