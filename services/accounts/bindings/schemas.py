import uuid
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.accounts.bindings.domain import BindingStatus
from services.accounts.bindings.service import BindingView
from services.accounts.consents.schemas import PolicyVersion
from services.accounts.one_time_codes import ShownCode
from shared.instants import Instant

PartnerId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", examples=["didi"])]


class PartnerConsentIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    policy_version: PolicyVersion


class _BindingIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    partner_id: PartnerId
    consent: PartnerConsentIn | None = Field(
        None, description="与合作方共享的说明的版本；不填则为现行版本 The text that I saw; by default the current one"
    )
    counts_from: AwareDatetime | None = Field(
        None,
        description="早于该时间的行为不计入；默认当前时间，最早到合作方迟报窗口起点 Earlier activities do not count",
    )


class AccountNoBindingIn(_BindingIn):
    """合作方以碳账户号上报 The partner reports with the account number."""

    mode: Literal["account_no"]


class PhoneHashBindingIn(_BindingIn):
    """合作方以手机号的加密散列上报 The partner reports with a keyed hash of the phone number."""

    mode: Literal["phone_hash"]


class OauthBindingIn(_BindingIn):
    """合作方的确认码 The partner's authorization code."""

    mode: Literal["oauth"]
    code: str = Field(min_length=1, max_length=512)


class TokenBindingIn(_BindingIn):
    """扫码绑定请改用 POST /me/bindings/token. Always refused here, because the partner confirms a token."""

    mode: Literal["token"]


BindingIn = Annotated[
    AccountNoBindingIn | PhoneHashBindingIn | OauthBindingIn | TokenBindingIn,
    Field(discriminator="mode"),
]


class BindingOut(BaseModel):
    binding_id: uuid.UUID
    partner_id: str
    mode: Literal["oauth", "phone_hash", "token", "account_no"]
    status: BindingStatus
    since: Instant = Field(description="绑定时间 When the binding was created")
    counts_from: Instant = Field(description="自该时间起的行为计入 Activities from this time on count")
    ended_at: Instant | None
    consent_withdrawn_at: Instant | None = Field(
        description="撤回同意后的行为不计入 Activities from this time on do not count"
    )

    @classmethod
    def of(cls, view: BindingView) -> Self:
        return cls.model_validate(view, from_attributes=True)


class TokenIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{}, {"partner_id": "huishou"}]})

    partner_id: PartnerId | None = Field(None, description="只允许该合作方使用 Only this partner can confirm the token")


class TokenOut(BaseModel):
    token: str = Field(description="二维码的内容 Content of the QR code", examples=["cib_3kTMd2vM0yX8mD1zQq4a9fVb"])
    expires_at: Instant
    qr_svg: str = Field(description="SVG 图像 The QR code as an SVG document")

    @classmethod
    def of(cls, code: ShownCode) -> Self:
        return cls(token=code.token, expires_at=code.expires_at, qr_svg=code.qr_svg)


class PartnerBindingIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"token": "cib_3kTMd2vM0yX8mD1zQq4a9fVb", "partner_account": "member-88213"}]},
    )

    token: str = Field(min_length=1, max_length=64)
    partner_account: str = Field(
        pattern=r"^[\x21-\x7e]{1,128}$",
        description='该用户在合作方的标识，之后以 account_ref {"type":"open_id"} 上报 Your own id of this person',
    )


class PartnerBindingOut(BaseModel):
    binding_id: uuid.UUID
    status: BindingStatus
    since: Instant
    counts_from: Instant

    @classmethod
    def of(cls, view: BindingView) -> Self:
        return cls.model_validate(view, from_attributes=True)
