"""Use case of the forecast: read the spending of four weeks, and continue it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.rewards.budgets import service as budgets
from services.rewards.campaigns import service as campaigns
from services.rewards.forecasts.domain import HISTORY_DAYS, Forecast, Prices, Spent, forecast
from services.rewards.loans import service as loans
from services.rewards.orders import service as orders
from shared import clock
from shared.db import Session

SCOPE: Final = "ops:rewards"


@dataclass(frozen=True, slots=True)
class Outlook:
    forecast: Forecast
    spent: Sequence[Spent]


async def look_ahead(
    session: Session, *, credited_mg: int | None, days: int, earned_mg_per_day: int, prices: Prices, time_zone: str
) -> Outlook:
    """Open grams are all credited ones without those spent on orders, donations and loan interest.

    Expired and pooled grams are in them: what is shown is the most that can be redeemed.
    """
    now = clock.now()
    today = clock.local_date(now, time_zone)
    since = today - timedelta(days=HISTORY_DAYS)
    spent = [
        Spent(row.budget_id, row.day, int(row.amount_mg), int(row.cost_fen))
        for row in await orders.spending_by_day(session, since=now - timedelta(days=HISTORY_DAYS + 1), zone=time_zone)
        if since <= row.day < today
    ]
    open_mg = None
    if credited_mg is not None:
        used = await orders.total_spent_mg(session) + await campaigns.total_donated_mg(session)
        used += await loans.total_spent_mg(session)
        open_mg = max(0, credited_mg - used)
    rows = await budgets.list_page(session, alarmed=None, after=None, limit=budgets.BUDGETS_MAX)
    made = forecast(
        today=today,
        days=days,
        prices=prices,
        open_mg=open_mg,
        left_fen={one.budget_id: one.left_fen for one in rows if one.closed_at is None},
        spent=spent,
        earned_mg_per_day=earned_mg_per_day,
    )
    return Outlook(made, spent)
