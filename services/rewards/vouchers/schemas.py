"""HTTP models of vouchers."""

import io
import uuid
from typing import Literal

import segno
from pydantic import BaseModel, ConfigDict, Field

from services.rewards.vouchers.service import Voucher
from shared.instants import Instant
from shared.language import Language

# Readable from a scratched phone screen; the scale is large enough to print.
_QR_ERROR_LEVEL = "m"
_QR_SCALE = 6


def qr_svg(content: str) -> str:
    """Return a QR code as an SVG element, for a page or a data URL."""
    out = io.BytesIO()
    segno.make(content, error=_QR_ERROR_LEVEL, micro=False).save(out, kind="svg", scale=_QR_SCALE, xmldecl=False)
    return out.getvalue().decode().strip()


class VoucherView(BaseModel):
    """A voucher with its code, shown to its owner only."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "voucher_id": "019aadf0-6c1e-7d2a-9a3a-3f1f0a1b2c3d",
                "order_id": "019aadf0-6b00-7000-8000-000000000001",
                "item_id": "reganmian",
                "title": "一碗热干面",
                "status": "unused",
                "code": "7KQ2-M4XV-9TBD-C3HW",
                "qr_svg": "<svg …/>",
                "assigned_at": "2026-11-23T09:30:00+08:00",
            }
        }
    )

    voucher_id: uuid.UUID
    order_id: uuid.UUID
    item_id: str
    title: str
    status: Literal["unused"]
    code: str = Field(description="向门店出示 Shown to the shop")
    qr_svg: str = Field(description="券码的二维码（SVG） The code as a QR code")
    assigned_at: Instant

    @classmethod
    def of(cls, voucher: Voucher, *, language: Language) -> "VoucherView":
        return cls(
            voucher_id=voucher.voucher_id,
            order_id=voucher.order_id,
            item_id=voucher.item_id,
            title=voucher.texts.title.pick(language),
            status="unused",
            code=voucher.code,
            qr_svg=qr_svg(voucher.code),
            assigned_at=voucher.assigned_at,
        )
