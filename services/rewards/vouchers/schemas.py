"""HTTP models of vouchers."""

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from services.rewards.qr_svg import qr_svg
from services.rewards.sentences import voucher_rules
from services.rewards.vouchers.domain import VALID_DAYS_MAX, Validity, VoucherStatus
from services.rewards.vouchers.using import Terms, Voucher
from shared.contracts.bounds import EARLIEST, LATEST
from shared.errors import InvalidValue
from shared.instants import Instant
from shared.language import Language, Text

Why = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=500, pattern=r"^[^\x00]+$")]


_LINE: Final[dict[str, Any]] = {
    "voucher_id": "019aadf0-6c1e-7d2a-9a3a-3f1f0a1b2c3d",
    "order_id": "019aadf0-6b00-7000-8000-000000000001",
    "item_id": "reganmian",
    "title": "一碗热干面",
    "status": "unused",
    "valid_from": None,
    "valid_until": "2026-12-24T00:00:00+08:00",
    "assigned_at": "2026-11-23T09:30:00+08:00",
    "used_at": None,
    "used_shop": None,
}


class UsedShop(BaseModel):
    shop_id: str
    name: str


class VoucherLine(BaseModel):
    """A voucher in a list, without its code."""

    model_config = ConfigDict(json_schema_extra={"example": {**_LINE, "returned_at": None}})

    voucher_id: uuid.UUID
    order_id: uuid.UUID
    item_id: str
    title: str
    status: VoucherStatus
    valid_from: Instant | None = Field(description="从此时起可用，空为已可用 Null: usable at once")
    valid_until: Instant | None = Field(description="此时起失效，空为长期 Over from then on; null: no end")
    assigned_at: Instant
    used_at: Instant | None
    used_shop: UsedShop | None
    returned_at: Instant | None = Field(description="退回时间 When it was given back")

    @classmethod
    def of(cls, voucher: Voucher, *, shops: Mapping[str, Text], language: Language) -> "VoucherLine":
        return cls(**_line(voucher, shops, language), returned_at=voucher.returned_at)


def _line(voucher: Voucher, shops: Mapping[str, Text], language: Language) -> dict[str, Any]:
    shop_id = voucher.used_shop_id
    return {
        "voucher_id": voucher.voucher_id,
        "order_id": voucher.order_id,
        "item_id": voucher.item_id,
        "title": voucher.texts.title.pick(language),
        "status": voucher.status,
        "valid_from": voucher.validity.starts_at,
        "valid_until": voucher.validity.ends_at,
        "assigned_at": voucher.assigned_at,
        "used_at": voucher.used_at,
        "used_shop": _used_shop(shop_id, shops, language),
    }


def _used_shop(shop_id: str | None, shops: Mapping[str, Text], language: Language) -> UsedShop | None:
    if shop_id is None or shop_id not in shops:
        return None
    return UsedShop(shop_id=shop_id, name=shops[shop_id].pick(language))


class VoucherView(BaseModel):
    """A voucher with its code, shown to its owner only."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                **_LINE,
                "code": "7KQ2-M4XV-9TBD-C3HW",
                "pin": "40718265",
                "qr": "CIV1.AZqt8Gwe.AQ",
                "qr_svg": "<svg …/>",
                "code_qr_svg": None,
                "changes_at": "2026-11-23T09:30:30+08:00",
                "rule": voucher_rules.RULE.zh,
            }
        }
    )

    voucher_id: uuid.UUID
    order_id: uuid.UUID
    item_id: str
    title: str
    status: VoucherStatus
    valid_from: Instant | None
    valid_until: Instant | None = Field(description="此时起失效，空为长期 Over from then on; null: no end")
    assigned_at: Instant
    used_at: Instant | None
    used_shop: UsedShop | None
    code: str = Field(description="券码，与 pin 一起报给门店 Typed at the till together with the pin")
    pin: str | None = Field(description="8 位动态码，每 30 秒变化；用过或过期后为空 Changes every 30 s")
    qr: str | None = Field(description="二维码内容，每 30 秒变化 What the QR code says; changes every 30 s")
    qr_svg: str | None = Field(description="动态二维码（SVG） The changing QR code")
    code_qr_svg: str | None = Field(description="商家自有券码的二维码 The code of a partner's own system as a QR code")
    changes_at: Instant | None = Field(description="到时重新取码 Ask again then")
    rule: str = Field(description="退回与过期规则 The rule of giving back and of the end")

    @classmethod
    def of(cls, voucher: Voucher, *, shops: Mapping[str, Text], language: Language) -> "VoucherView":
        assert voucher.code is not None
        live = voucher.live
        return cls(
            **_line(voucher, shops, language),
            code=voucher.code,
            pin=live and live.pin,
            qr=live and live.qr,
            qr_svg=qr_svg(live.qr) if live else None,
            code_qr_svg=qr_svg(voucher.code) if voucher.imported else None,
            changes_at=live and live.changes_at,
            rule=voucher_rules.RULE.pick(language),
        )


class VoucherRules(BaseModel):
    """What holds for every voucher, as shown to citizens."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"version": voucher_rules.VERSION, "in_force_from": "2026-11-27", "text": voucher_rules.RULE.zh}
        }
    )

    version: str
    in_force_from: str
    text: str


class TermsRequest(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"valid_from": None, "valid_until": None, "valid_days": 30, "reason": "与门店约定 30 天内有效"}
        },
    )

    valid_from: AwareDatetime | None = Field(None, ge=EARLIEST, lt=LATEST)
    valid_until: AwareDatetime | None = Field(None, ge=EARLIEST, lt=LATEST, description="不含 Exclusive")
    valid_days: int | None = Field(
        None,
        ge=1,
        le=VALID_DAYS_MAX,
        strict=True,
        description="下单次日起算的整天数 Whole days after the one of the order",
    )
    reason: Why

    @model_validator(mode="after")
    def _in_order(self) -> "TermsRequest":
        if self.valid_from is not None and self.valid_until is not None and self.valid_from >= self.valid_until:
            raise InvalidValue(Text("结束时间要晚于开始时间。", "The end must be after the start."))
        return self

    @property
    def terms(self) -> Terms:
        return Terms(Validity(self.valid_from, self.valid_until), self.valid_days)


class TermsView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {"item_id": "reganmian", "valid_from": None, "valid_until": None, "valid_days": 30}
        }
    )

    item_id: str
    valid_from: Instant | None
    valid_until: Instant | None
    valid_days: int | None

    @classmethod
    def of(cls, item_id: str, terms: Terms) -> "TermsView":
        return cls(
            item_id=item_id,
            valid_from=terms.validity.starts_at,
            valid_until=terms.validity.ends_at,
            valid_days=terms.valid_days,
        )
