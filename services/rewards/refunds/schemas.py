"""HTTP models of refunds."""

import uuid
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field

from services.rewards.orders.schemas import ShownStatus, shown_status
from services.rewards.settlement.domain import Reason, Status
from shared.instants import Instant
from shared.openapi.closed import one_of


class OrderForOperators(BaseModel):
    """An order without the person."""

    order_id: uuid.UUID
    status: ShownStatus
    reason_code: Annotated[str, one_of(Reason)] | None
    item_id: str
    quantity: int
    amount_mg: int = Field(description="合计 In all")
    budget_id: str
    cost_fen: int = Field(description="预算承担 What the budget pays")
    used_pieces: int = Field(description="已核销的份数 Pieces that shops have handed out")
    kept_fen: int = Field(description="退回后预算仍承担的已核销部分 What the budget still pays after a refund")
    created_at: Instant
    settled_at: Instant | None

    @classmethod
    def of(cls, row: Any, *, used_pieces: int) -> Self:
        return cls(
            order_id=row.order_id,
            status=shown_status(Status(row.status)),
            reason_code=row.reason_code,
            item_id=row.item_id,
            quantity=row.quantity,
            amount_mg=row.amount_mg,
            budget_id=row.budget_id,
            cost_fen=row.cost_fen,
            used_pieces=used_pieces,
            kept_fen=row.kept_fen,
            created_at=row.created_at,
            settled_at=row.settled_at,
        )
