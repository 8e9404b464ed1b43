"""HTTP models of the operators' routes."""

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.rewards.settlement.domain import Reason
from shared.instants import Instant
from shared.openapi.closed import one_of


class StuckSettlement(BaseModel):
    """An order or donation that is open for too long. The worker keeps trying."""

    model_config = ConfigDict(from_attributes=True)

    kind: Literal["order", "donation", "loan"]
    settlement_id: uuid.UUID = Field(description="订单号或捐赠号，也是冻结号 Also the id of the hold in accounting")
    status: Literal["pending", "cancelling"]
    reason_code: Annotated[str, one_of(Reason)] | None
    amount_mg: int
    request_id: str
    created_at: Instant
    attempts: int
    next_attempt_at: Instant
    last_error: str | None = Field(description="最近一次失败的原因 The error of the last attempt")


class StockLineView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    ok: bool
    item_id: str
    loaded: int
    available: int
    reserved: int
    sold: int
    codes_free: int
    codes_assigned: int
    ordered_open: int
    ordered_confirmed: int


class BudgetLineView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    ok: bool
    budget_id: str
    limit_fen: int
    reserved_fen: int
    spent_fen: int
    ordered_open_fen: int
    ordered_confirmed_fen: int


class StockCheckView(BaseModel):
    """loaded = available + reserved + sold = codes free + codes assigned; assigned = sold = confirmed orders."""

    model_config = ConfigDict(from_attributes=True)

    ok: bool = Field(description="全部相符 All counters agree")
    items: list[StockLineView]
    budgets: list[BudgetLineView]
    limits_differing: int = Field(description="必须为 0 Must be 0: counters of the limit per person")
    campaigns_differing: int = Field(description="必须为 0 Must be 0: totals of campaigns")
