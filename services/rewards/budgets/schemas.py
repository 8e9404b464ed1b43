"""HTTP models of budgets."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services.rewards.approvals.schemas import ReasonOnly
from services.rewards.budgets.domain import LIMIT_FEN_MAX
from services.rewards.budgets.service import Budget
from services.rewards.slugs import SLUG_PATTERN
from shared.instants import Instant

SponsorName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$")
]
_LIMIT = "额度（分） Limit in fen"


class BudgetRequest(ReasonOnly):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "budget_id": "reganmian-guozao",
                "sponsor_id": "guozao",
                "sponsor_zh": "过早联盟",
                "sponsor_en": "Breakfast Alliance",
                "limit_fen": 1_000_000,
                "reason": "合同 2026-118",
            }
        },
    )

    budget_id: str = Field(pattern=SLUG_PATTERN)
    sponsor_id: str = Field(
        pattern=SLUG_PATTERN, description="核算服务须已有收方 redeemed:<sponsor_id> Accounting must know this receiver"
    )
    sponsor_zh: SponsorName
    sponsor_en: SponsorName
    limit_fen: int = Field(ge=1, le=LIMIT_FEN_MAX, strict=True, description=_LIMIT)


class BudgetRaise(ReasonOnly):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"limit_fen": 2_000_000, "reason": "赞助方追加"}}
    )

    limit_fen: int = Field(ge=1, le=LIMIT_FEN_MAX, strict=True, description="新的总额度 The new limit, in fen")


class BudgetView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "budget_id": "reganmian-guozao",
                "sponsor_id": "guozao",
                "sponsor_zh": "过早联盟",
                "sponsor_en": "Breakfast Alliance",
                "limit_fen": 1_000_000,
                "reserved_fen": 1_000,
                "spent_fen": 820_000,
                "left_fen": 179_000,
                "used_percent": 82,
                "alarmed_at": "2026-11-27T09:30:00+08:00",
                "created_at": "2026-11-01T09:30:00+08:00",
                "closed_at": None,
            }
        }
    )

    budget_id: str
    sponsor_id: str
    sponsor_zh: str
    sponsor_en: str
    limit_fen: int = Field(description=_LIMIT)
    reserved_fen: int = Field(description="未完成的订单 Of orders under way")
    spent_fen: int = Field(description="已完成的订单 Of confirmed orders")
    left_fen: int = Field(description="还能用于新订单，已关闭为 0 For new orders; 0 once closed")
    used_percent: int
    alarmed_at: Instant | None = Field(description="用到 80% 的时间 When 80 % were used; null below")
    created_at: Instant
    closed_at: Instant | None

    @classmethod
    def of(cls, budget: Budget) -> Self:
        return cls(
            budget_id=budget.budget_id,
            sponsor_id=budget.sponsor.sponsor_id,
            sponsor_zh=budget.sponsor.name.zh,
            sponsor_en=budget.sponsor.name.en,
            limit_fen=budget.limit_fen,
            reserved_fen=budget.reserved_fen,
            spent_fen=budget.spent_fen,
            left_fen=budget.left_fen,
            used_percent=budget.used_percent,
            alarmed_at=budget.alarmed_at,
            created_at=budget.created_at,
            closed_at=budget.closed_at,
        )
