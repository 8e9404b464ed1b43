"""What citizens may still redeem, at two prices, against the money that sponsors provide. Pure, in whole fen.

The market price is what a tonne brings in a sale, the reward value what a tonne takes from budgets. They differ by a
factor of about 46, so they are never added or mixed: the difference is money that a sponsor has to give.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

MG_PER_TONNE: Final = 1_000_000_000
HISTORY_DAYS: Final = 28
DAYS_MAX: Final = 366
# Beyond ten years "runs out" is no forecast.
_RUNS_OUT_DAYS_MAX: Final = 3650


@dataclass(frozen=True, slots=True)
class Prices:
    """Fen for a tonne."""

    market_fen_per_tonne: int
    reward_fen_per_tonne: int


@dataclass(frozen=True, slots=True)
class Spent:
    """Spending of one budget on one local day."""

    budget_id: str
    day: date
    amount_mg: int
    cost_fen: int


@dataclass(frozen=True, slots=True)
class Point:
    """The state at the end of a day. The grams and their worth are None while nobody knows the credited total."""

    day: date
    left_fen: int
    open_mg: int | None
    at_market_fen: int | None
    at_reward_fen: int | None


@dataclass(frozen=True, slots=True)
class BudgetOutlook:
    """`daily_fen`: the mean of the last four weeks, rounded up. `runs_out_on`: None if it does not."""

    budget_id: str
    left_fen: int
    daily_fen: int
    runs_out_on: date | None


@dataclass(frozen=True, slots=True)
class Forecast:
    prices: Prices
    daily_mg: int
    daily_fen: int
    earned_mg_per_day: int
    points: tuple[Point, ...]
    budgets: tuple[BudgetOutlook, ...]

    @property
    def now(self) -> Point:
        return self.points[0]

    @property
    def unfunded_fen(self) -> int | None:
        """What is missing if all grams were redeemed at the reward value."""
        worth = self.now.at_reward_fen
        return None if worth is None else max(0, worth - self.now.left_fen)


def worth_fen(amount_mg: int, fen_per_tonne: int) -> int:
    """Round down: a liability is never shown with a fen that nobody has promised."""
    return amount_mg * fen_per_tonne // MG_PER_TONNE


def _mean_up(total: int) -> int:
    return -(-total // HISTORY_DAYS)


def forecast(
    *,
    today: date,
    days: int,
    prices: Prices,
    open_mg: int | None,
    left_fen: Mapping[str, int],
    spent: Sequence[Spent],
    earned_mg_per_day: int,
) -> Forecast:
    """Continue the mean spending of the last four weeks. No budget falls below zero: its limit is hard.

    `left_fen`: what new orders may cost, by budget. `earned_mg_per_day`: an assumption of the reader.
    """
    daily = {name: _mean_up(sum(one.cost_fen for one in spent if one.budget_id == name)) for name in left_fen}
    daily_mg = _mean_up(sum(one.amount_mg for one in spent))
    points = []
    for passed in range(days + 1):
        left = sum(max(0, left_fen[name] - passed * daily[name]) for name in left_fen)
        grams = None if open_mg is None else max(0, open_mg + passed * (earned_mg_per_day - daily_mg))
        points.append(
            Point(
                today + timedelta(days=passed),
                left,
                grams,
                None if grams is None else worth_fen(grams, prices.market_fen_per_tonne),
                None if grams is None else worth_fen(grams, prices.reward_fen_per_tonne),
            )
        )
    return Forecast(
        prices=prices,
        daily_mg=daily_mg,
        daily_fen=sum(daily.values()),
        earned_mg_per_day=earned_mg_per_day,
        points=tuple(points),
        budgets=tuple(_outlook(name, left_fen[name], daily[name], today) for name in sorted(left_fen)),
    )


def _outlook(budget_id: str, left_fen: int, daily_fen: int, today: date) -> BudgetOutlook:
    days = None if daily_fen == 0 else -(-left_fen // daily_fen)
    ends = None if days is None or days > _RUNS_OUT_DAYS_MAX else today + timedelta(days=days)
    return BudgetOutlook(budget_id, left_fen, daily_fen, ends)
