"""HTTP models of orders."""

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.rewards.orders.domain import QUANTITY_MAX
from services.rewards.orders.service import Order
from services.rewards.settlement.domain import Reason, Status
from services.rewards.settlement.schemas import Spending
from services.rewards.slugs import SLUG_PATTERN
from shared.amounts import display
from shared.instants import Instant
from shared.language import Language
from shared.openapi.closed import one_of

CLIENT_REQUEST_ID_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"
ShownStatus = Literal["pending", "cancelling", "confirmed", "cancelled"]


def shown_status(status: Status) -> ShownStatus:
    """A confirmed order that is being given back is shown as `cancelling`, like an unpaid one."""
    if status is Status.PENDING:
        return "pending"
    if status is Status.CONFIRMED:
        return "confirmed"
    return "cancelled" if status is Status.CANCELLED else "cancelling"


def statuses_of(shown: ShownStatus | None) -> set[Status]:
    """Return the states shown like this, none for None."""
    return {status for status in Status if shown_status(status) == shown}


_EXAMPLE_ID = "019aadf0-6b00-7000-8000-000000000001"


class OrderRequest(Spending):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"item_id": "reganmian", "quantity": 1, "client_request_id": "5f0c1f0e-8f1c-4b52-9c1e-2f7c"}
        },
    )

    item_id: str = Field(pattern=SLUG_PATTERN)
    quantity: int = Field(ge=1, le=QUANTITY_MAX, strict=True)
    client_request_id: str = Field(
        pattern=CLIENT_REQUEST_ID_PATTERN,
        description="客户端自定，永久唯一；被拒绝的不占用 Made by the client, unique; a refusal frees it",
    )


class OrderedItem(BaseModel):
    item_id: str
    title: str


class OrderedVoucher(BaseModel):
    voucher_id: uuid.UUID = Field(description="券码见 GET /me/vouchers/{voucher_id} The code is there")


class OrderView(BaseModel):
    """An order of the caller."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "order_id": _EXAMPLE_ID,
                "status": "confirmed",
                "reason_code": None,
                "item": {"item_id": "reganmian", "title": "一碗热干面"},
                "quantity": 1,
                "price_mg": 5_000_000,
                "amount_mg": 5_000_000,
                "display": "5.00 千克",
                "vouchers": [{"voucher_id": "019aadf0-6c1e-7d2a-9a3a-3f1f0a1b2c3d"}],
                "created_at": "2026-11-23T09:30:00+08:00",
                "settled_at": "2026-11-23T09:30:00+08:00",
            }
        }
    )

    order_id: uuid.UUID
    status: ShownStatus
    reason_code: Annotated[str, one_of(Reason)] | None = Field(description="未完成的原因 Why it was not confirmed")
    item: OrderedItem
    quantity: int
    price_mg: int = Field(description="每件 Per piece")
    amount_mg: int = Field(description="合计 In all")
    display: str
    vouchers: list[OrderedVoucher] = Field(description="仅在 confirmed 后 Only once confirmed")
    created_at: Instant
    settled_at: Instant | None

    @classmethod
    def of(cls, order: Order, *, language: Language) -> "OrderView":
        return cls(
            order_id=order.order_id,
            status=shown_status(order.status),
            reason_code=order.reason_code,
            item=OrderedItem(item_id=order.item_id, title=order.texts.title.pick(language)),
            quantity=order.quantity,
            price_mg=order.price_mg,
            amount_mg=order.amount_mg,
            display=display(order.amount_mg, language),
            vouchers=[OrderedVoucher(voucher_id=voucher_id) for voucher_id in order.voucher_ids],
            created_at=order.created_at,
            settled_at=order.settled_at,
        )
