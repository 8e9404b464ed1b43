"""Use cases of operators: list settlements that hang, compare every counter with the rows that it counts."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from services.rewards.budgets import service as budgets
from services.rewards.campaigns import service as campaigns
from services.rewards.catalogue import service as catalogue
from services.rewards.database import SettledTable
from services.rewards.loans import service as loans
from services.rewards.operations import repository
from services.rewards.orders import service as orders
from services.rewards.settlement import service as settlements
from services.rewards.vouchers import service as vouchers
from shared.db import Session


@dataclass(frozen=True, slots=True)
class StuckSettlement:
    kind: str
    settlement_id: uuid.UUID
    status: str
    reason_code: str | None
    amount_mg: int
    request_id: str
    created_at: datetime
    attempts: int
    next_attempt_at: datetime
    last_error: str | None


@dataclass(frozen=True, slots=True)
class StockLine:
    """Pieces by the counters, codes in the pool, pieces in the orders."""

    item_id: str
    loaded: int
    available: int
    reserved: int
    sold: int
    codes_free: int
    codes_assigned: int
    ordered_open: int
    ordered_confirmed: int

    @property
    def ok(self) -> bool:
        return (
            self.available + self.reserved + self.sold == self.loaded
            and self.codes_free + self.codes_assigned == self.loaded
            and self.codes_assigned == self.sold == self.ordered_confirmed
            and self.reserved == self.ordered_open
        )


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """Fen by the counters and in the orders."""

    budget_id: str
    limit_fen: int
    reserved_fen: int
    spent_fen: int
    ordered_open_fen: int
    ordered_confirmed_fen: int

    @property
    def ok(self) -> bool:
        return (
            self.reserved_fen + self.spent_fen <= self.limit_fen
            and self.reserved_fen == self.ordered_open_fen
            and self.spent_fen == self.ordered_confirmed_fen
        )


@dataclass(frozen=True, slots=True)
class StockCheck:
    items: tuple[StockLine, ...]
    budgets: tuple[BudgetLine, ...]
    limits_differing: int
    campaigns_differing: int

    @property
    def ok(self) -> bool:
        lines_ok = all(line.ok for line in self.items) and all(line.ok for line in self.budgets)
        return lines_ok and not self.limits_differing and not self.campaigns_differing


async def list_stuck(session: Session, *, tables: Mapping[str, SettledTable], limit: int) -> list[StuckSettlement]:
    """Return orders, donations and offsets that are open for too long, oldest first."""
    found = [
        StuckSettlement(kind=kind, **row._mapping)
        for kind, table in tables.items()
        for row in await settlements.list_stuck(session, table, limit=limit)
    ]
    return sorted(found, key=lambda one: one.created_at)[:limit]


async def check_stock(session: Session) -> StockCheck:
    """Compare every counter with the rows that it counts, in one snapshot."""
    await repository.use_one_snapshot(session)
    pools = await vouchers.pool_counts(session)
    pieces = await orders.pieces_by_item(session)
    costs = _sums(await orders.costs_by_budget(session), await loans.costs_by_budget(session))
    nothing = (0, 0)
    items = tuple(
        StockLine(
            row.item_id,
            row.loaded,
            row.available,
            row.reserved,
            row.sold,
            *pools.get(row.item_id, nothing),
            *pieces.get(row.item_id, nothing),
        )
        for row in await catalogue.list_stock(session)
    )
    lines = tuple(
        BudgetLine(row.budget_id, row.limit_fen, row.reserved_fen, row.spent_fen, *costs.get(row.budget_id, nothing))
        for row in await budgets.list_budgets(session)
    )
    return StockCheck(
        items=items,
        budgets=lines,
        limits_differing=await orders.count_wrong_limits(session) + await loans.count_wrong_months(session),
        campaigns_differing=await campaigns.count_wrong_totals(session),
    )


def _sums(first: Mapping[str, tuple[int, int]], second: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Add the fen of orders and of loan offsets, by budget."""
    pairs = {key: (first.get(key, (0, 0)), second.get(key, (0, 0))) for key in first.keys() | second.keys()}
    return {key: (one[0] + other[0], one[1] + other[1]) for key, (one, other) in pairs.items()}
