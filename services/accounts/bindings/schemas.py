import uuid
from dataclasses import asdict
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.accounts.authorizations.domain import STATE_CHARS_MAX
from services.accounts.authorizations.service import Started
from services.accounts.bindings.confirming import PartnerBinding
from services.accounts.bindings.domain import BindingStatus, EndReason
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
    """合作方回跳带来的 code 与 state What the partner's redirect brought; see `POST /me/bindings/authorizations`."""

    mode: Literal["oauth"]
    code: str = Field(min_length=1, max_length=512)
    state: str = Field(min_length=1, max_length=STATE_CHARS_MAX)
    iss: str | None = Field(
        None,
        max_length=200,
        description="回跳中有 iss 时原样传来 The `iss` of the redirect, where it has one (RFC 9207)",
    )


class TokenBindingIn(_BindingIn):
    """扫码绑定请改用 POST /me/bindings/token. Always refused here, because the partner confirms a token."""

    mode: Literal["token"]


BindingIn = Annotated[
    AccountNoBindingIn | PhoneHashBindingIn | OauthBindingIn | TokenBindingIn,
    Field(discriminator="mode"),
]


class AuthorizationIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"partner_id": "bike"}]})

    partner_id: PartnerId


class AuthorizationOut(BaseModel):
    authorization_url: str = Field(
        description="在此确认，之后回跳到登记的地址 The citizen confirms here and comes back to the registered address",
        examples=["https://bike.example.cn/oauth/authorize?response_type=code&client_id=carbon&state=…"],
    )
    expires_at: Instant

    @classmethod
    def of(cls, started: Started) -> Self:
        return cls(authorization_url=started.authorization_url, expires_at=started.expires_at)


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
    confirm_before: Instant | None = Field(
        description="pending 时：合作方须在此前确认 While pending: the partner confirms before this time"
    )
    ended_reason: EndReason | None = Field(
        description=(
            "citizen 本人解除 · phone_changed 更换手机号 · consent_given_again 重新同意 · partner 合作方解除 · "
            "refused_by_partner 合作方不认 · not_confirmed 合作方逾期未确认 · erased 注销 Why it ended"
        )
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


class PartnerBindingItem(BaseModel):
    """您的一个客户的绑定 A binding of one of your customers."""

    binding_id: uuid.UUID
    mode: Literal["oauth", "phone_hash", "token", "account_no"]
    status: BindingStatus
    account_no: str | None = Field(
        description="客户填给您的碳账户号，仅 account_no 方式且未结束时有 The number that the customer gave you",
        examples=["WH276051938245"],
    )
    since: Instant
    counts_from: Instant
    confirm_before: Instant | None
    ended_at: Instant | None
    ended_reason: EndReason | None

    @classmethod
    def of(cls, item: PartnerBinding) -> Self:
        return cls.model_validate({**asdict(item.binding), "account_no": item.account_no})


class AccountRefIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["open_id", "phone_hash", "account_no"]
    value: str = Field(pattern=r"^[\x21-\x7e]{1,128}$")


class PartnerEndIn(BaseModel):
    """与上报事件相同的 account_ref The customer as your events name it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"account_ref": {"type": "open_id", "value": "member-88213"}}]},
    )

    account_ref: AccountRefIn
