"""HTTP models of a till."""

import uuid
from datetime import date
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.rewards.redemptions.service import Checked, Redemption, Shown
from services.rewards.slugs import SLUG_PATTERN
from services.rewards.vouchers.domain import VoucherStatus
from services.rewards.vouchers.qr import PIN_DIGITS, QR_CHARS_MAX
from shared.errors import InvalidValue
from shared.instants import Instant
from shared.language import Language, Text

Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
TillRef = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
Qr = Annotated[str, StringConstraints(min_length=1, max_length=QR_CHARS_MAX, pattern=r"^[\x21-\x7e]+$")]
_EXAMPLE_QR: Final = "CIV1.AZqt8Gwe.AQ"
_AT: Final = "2026-11-27T09:30:00+08:00"


class AtTill(BaseModel):
    model_config = ConfigDict(extra="forbid")

    shop_id: Slug | None = Field(None, description="用密钥调用时必填 Needed with a key; a till has its shop")
    till_ref: TillRef | None = Field(None, description="商家自己的收银台号 The merchant's own number of the till")


class PresentedVoucher(AtTill):
    """A QR code, or the typed code with its eight digits."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"qr": _EXAMPLE_QR}})

    qr: Qr | None = Field(None, description="扫到的内容 What the QR code says")
    code: Annotated[str, StringConstraints(min_length=4, max_length=64, pattern=r"^[\x21-\x7e]+$")] | None = None
    pin: Annotated[str, StringConstraints(pattern=rf"^[0-9]{{{PIN_DIGITS}}}$")] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "PresentedVoucher":
        if (self.qr is None) == (self.code is None) or (self.code is None) != (self.pin is None):
            raise InvalidValue(
                Text("请扫二维码，或填券码和 8 位动态码。", "Give the QR code, or the code with its digits.")
            )
        return self

    @property
    def shown(self) -> Shown:
        return Shown(self.qr, self.code, self.pin)


class UndoRequest(AtTill):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"redemption_id": "019aadf0-7200-7000-8000-000000000001"}}
    )

    redemption_id: uuid.UUID


class CheckView(BaseModel):
    """A voucher at the till. Nothing of its owner is shown."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "voucher_id": "019aadf0-6c1e-7d2a-9a3a-3f1f0a1b2c3d",
                "item_id": "reganmian",
                "title": "一碗热干面",
                "status": "unused",
                "valid_until": "2026-12-24T00:00:00+08:00",
                "redeemable": True,
                "refusal_code": None,
                "refusal": None,
                "used_at": None,
                "used_shop_name": None,
            }
        }
    )

    voucher_id: uuid.UUID
    item_id: str
    title: str
    status: VoucherStatus
    valid_until: Instant | None
    redeemable: bool = Field(description="此刻在本店可核销 Whether it can be redeemed here now")
    refusal_code: str | None
    refusal: str | None
    used_at: Instant | None
    used_shop_name: str | None

    @classmethod
    def of(cls, checked: Checked, *, language: Language) -> "CheckView":
        voucher, refusal = checked.voucher, checked.refusal
        return cls(
            voucher_id=voucher.voucher_id,
            item_id=voucher.item_id,
            title=checked.texts.title.pick(language),
            status=voucher.status,
            valid_until=voucher.validity.ends_at,
            redeemable=refusal is None,
            refusal_code=refusal and refusal.code,
            refusal=refusal and refusal.detail(language),
            used_at=voucher.used_at,
            used_shop_name=checked.used_shop.pick(language) if checked.used_shop is not None else None,
        )


REDEMPTION_EXAMPLE: Final[dict[str, Any]] = {
    "redemption_id": "019aadf0-7200-7000-8000-000000000001",
    "voucher_id": "019aadf0-6c1e-7d2a-9a3a-3f1f0a1b2c3d",
    "item_id": "reganmian",
    "title": "一碗热干面",
    "shop_id": "guozao-hubu",
    "sponsor_id": "guozao",
    "fen": 1_000,
    "redeemed_at": _AT,
    "undo_until": "2026-11-27T09:40:00+08:00",
    "offline": False,
    "undone_at": None,
    "settled_on": None,
}


class RedemptionView(BaseModel):
    """One piece handed out."""

    model_config = ConfigDict(json_schema_extra={"example": REDEMPTION_EXAMPLE})

    redemption_id: uuid.UUID
    voucher_id: uuid.UUID
    item_id: str
    title: str
    shop_id: str
    sponsor_id: str
    fen: int = Field(description="赞助方应付 What the sponsor owes for it")
    redeemed_at: Instant
    undo_until: Instant
    offline: bool = Field(description="断网时收的 Accepted without a line")
    undone_at: Instant | None
    settled_on: date | None = Field(description="已入哪一天的结算 The day whose settlement has it")

    @classmethod
    def of(cls, one: Redemption, *, language: Language) -> "RedemptionView":
        return cls(
            redemption_id=one.redemption_id,
            voucher_id=one.voucher_id,
            item_id=one.item_id,
            title=one.texts.title.pick(language),
            shop_id=one.shop_id,
            sponsor_id=one.sponsor_id,
            fen=one.fen,
            redeemed_at=one.redeemed_at,
            undo_until=one.undo_until,
            offline=one.offline,
            undone_at=one.undone_at,
            settled_on=one.cleared_day,
        )
