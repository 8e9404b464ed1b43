import uuid
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.accounts.family_cards.domain import LIMIT_MG_DEFAULT, LIMIT_MG_MAX, CardKind, CodePurpose
from services.accounts.family_cards.service import CardEvent, CardView, CardWithCode
from services.accounts.one_time_codes import ShownCode
from services.accounts.operators.schemas import LookUpReason
from services.accounts.shown_texts import Nickname
from shared.instants import Instant

_EXAMPLE_ID = "01938f3e-5a7c-7d21-9d3e-0f6a1b2c3d4e"
_Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Limit = Annotated[
    int,
    Field(
        gt=0,
        le=LIMIT_MG_MAX,
        strict=True,
        description="代管人每月最多可用；开卡后不能自行提高 What the proxy may use in a month; fixed when opened",
    ),
]


class CardConsentIn(BaseModel):
    """持卡人的同意，由代管人或窗口代为提交。The holder's consent, given through the proxy or at the window."""

    model_config = ConfigDict(extra="forbid")

    policy_version: str = Field(min_length=1, max_length=32, examples=["2026-11"])


class CardIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"kind": "paper", "label": "外婆", "consent": {"policy_version": "2026-11"}}]},
    )

    kind: CardKind = Field(description="paper：纸卡；transit：公交卡 A paper card, or a transit card")
    label: Nickname | None = Field(None, description="备注，仅代管人可见 A note that only the proxy sees")
    monthly_limit_mg: _Limit = LIMIT_MG_DEFAULT
    consent: CardConsentIn


class WindowCardIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"kind": "paper", "consent": {"policy_version": "2026-11"}, "reason": "窗口 3 号，本人到场"}]
        },
    )

    kind: CardKind
    monthly_limit_mg: _Limit = LIMIT_MG_DEFAULT
    consent: CardConsentIn
    reason: LookUpReason


class WindowReasonIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "卡丢失，本人到场"}]})

    reason: LookUpReason


class WindowCodeIn(WindowReasonIn):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"purpose": "handover", "qr": "cfc_Zk3vQ8u1yT5rW7xA2bC4dE6", "reason": "本人已有手机"}]
        },
    )

    qr: _Code = Field(description="卡上的码：持卡到场办理 The code on the card, whose bearer is present")
    purpose: CodePurpose = Field(
        description="handover：交给本人；proxy：设置或更换代管人 To the holder's phone, or to a new proxy"
    )


class CardCheckIn(WindowReasonIn):
    """卡上的码或账户号，二选一。The code on the card, or its account number."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"account_no": "WH203947561028", "reason": "窗口查询"}]}
    )

    qr: _Code | None = None
    account_no: str | None = Field(None, max_length=32)

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.qr is None) == (self.account_no is None):
            raise ValueError("either qr or account_no")
        return self


class CardBindingIn(BaseModel):
    """合作方以卡的碳账户号上报。The partner reports with the account number of the card."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"partner_id": "metro"}]})

    partner_id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")


class ClaimIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"code": "cfh_Zk3vQ8u1yT5rW7xA2bC4dE6", "consent": {"policy_version": "2026-11"}}]
        },
    )

    code: _Code
    consent: CardConsentIn | None = Field(
        None, description="接收账户时必填，由本人同意 The person's own consent, required for a handover"
    )


class ClaimOut(BaseModel):
    purpose: CodePurpose
    log_in_again: bool = Field(description="接收账户后须重新登录 After a handover, log in again")


class CardOut(BaseModel):
    """亲情卡，不含余额：余额见 GET /api/v1/accounting/family-cards/{card_id}/balance The balance is in accounting."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "card_id": _EXAMPLE_ID,
                "account_id": "6b0c2f0e-3f7a-5f0e-8a52-7b9f0c1d2e3f",
                "account_no": "WH203947561028",
                "kind": "paper",
                "label": "外婆",
                "monthly_limit_mg": LIMIT_MG_DEFAULT,
                "opened_at": "2026-11-27T16:00:00+08:00",
                "opened_through": "proxy",
                "has_proxy": True,
                "ended_at": None,
                "ended_reason": None,
            }
        }
    )

    card_id: uuid.UUID
    account_id: uuid.UUID = Field(description="卡的碳账户，兑换时填写 Its carbon account, named in an order")
    account_no: str
    kind: CardKind
    label: str | None = Field(description="仅代管人可见 For the proxy only")
    monthly_limit_mg: int
    opened_at: Instant
    opened_through: Literal["proxy", "window"]
    has_proxy: bool
    ended_at: Instant | None
    ended_reason: Literal["ended", "handed_over"] | None

    @classmethod
    def of(cls, view: CardView) -> Self:
        fields = {name: getattr(view, name) for name in cls.model_fields if name != "monthly_limit_mg"}
        return cls.model_validate(fields | {"monthly_limit_mg": view.limit_mg})


class PrintedCardOut(BaseModel):
    """卡和卡上的码；码只显示这一次。The card and the code to print on it, which is shown only now."""

    card: CardOut
    qr: str = Field(examples=["cfc_Zk3vQ8u1yT5rW7xA2bC4dE6"])
    qr_svg: str

    @classmethod
    def of(cls, printed: CardWithCode) -> Self:
        return cls(card=CardOut.of(printed.card), qr=printed.qr, qr_svg=printed.qr_svg)


class CardEventOut(BaseModel):
    """对卡做过的操作。An act on the card."""

    at: Instant
    action: str = Field(examples=["code_renewed"])
    by: Literal["proxy", "window", "person"]

    @classmethod
    def of(cls, event: CardEvent) -> Self:
        return cls.model_validate(event, from_attributes=True)


class CardCodeOut(BaseModel):
    code: str = Field(examples=["cfh_Zk3vQ8u1yT5rW7xA2bC4dE6"])
    expires_at: Instant
    qr_svg: str

    @classmethod
    def of(cls, code: ShownCode) -> Self:
        return cls(code=code.token, expires_at=code.expires_at, qr_svg=code.qr_svg)


class PartnerCheckIn(BaseModel):
    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"qr": "cfc_Zk3vQ8u1yT5rW7xA2bC4dE6"}]})

    qr: _Code


class PartnerCheckOut(BaseModel):
    """设备扫卡后得到上报用的账户号。The account number with which a device reports."""

    account_no: str = Field(examples=["WH203947561028"])
