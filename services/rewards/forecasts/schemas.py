"""HTTP models of the forecast."""

from collections import defaultdict
from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from services.rewards.forecasts.service import Outlook


class PricesView(BaseModel):
    """Two prices that are never mixed."""

    model_config = ConfigDict(from_attributes=True)

    market_fen_per_tonne: int = Field(description="市场价：卖出一吨的所得 What a tonne brings in a sale")
    reward_fen_per_tonne: int = Field(description="兑换价：兑换一吨用掉的预算 What a tonne takes from budgets")


class PointView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    day: date
    left_fen: int = Field(description="预算余额 Money left in open budgets")
    open_mg: int | None = Field(description="市民还能兑换的减碳量，核算未回答时为空 Null: accounting did not answer")
    at_market_fen: int | None
    at_reward_fen: int | None


class SpentDay(BaseModel):
    day: date
    amount_mg: int
    cost_fen: int


class BudgetOutlookView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    budget_id: str
    left_fen: int
    daily_fen: int = Field(description="近 28 天日均，向上取整 Mean of 28 days, rounded up")
    runs_out_on: date | None = Field(description="照此用完的日期 Null: not within ten years")


class ForecastView(BaseModel):
    """What citizens may still redeem, at both prices, against the money in the budgets."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "prices": {"market_fen_per_tonne": 4_350, "reward_fen_per_tonne": 200_000},
                "daily_mg": 120_000_000,
                "daily_fen": 24_000,
                "earned_mg_per_day": 0,
                "unfunded_fen": 9_000_000,
                "points": [
                    {
                        "day": "2026-11-27",
                        "left_fen": 1_000_000,
                        "open_mg": 50_000_000_000,
                        "at_market_fen": 217_500,
                        "at_reward_fen": 10_000_000,
                    }
                ],
                "spent": [{"day": "2026-11-26", "amount_mg": 120_000_000, "cost_fen": 24_000}],
                "budgets": [
                    {
                        "budget_id": "reganmian-guozao",
                        "left_fen": 1_000_000,
                        "daily_fen": 24_000,
                        "runs_out_on": "2027-01-08",
                    }
                ],
            }
        }
    )

    prices: PricesView
    daily_mg: int = Field(description="近 28 天日均兑换 Mean of 28 days, rounded up")
    daily_fen: int
    earned_mg_per_day: int = Field(description="假设的每日新增 The assumption of this request")
    unfunded_fen: int | None = Field(description="按兑换价全部兑换所缺的预算 Missing if everything is redeemed")
    points: list[PointView] = Field(description="从今天起，每天一个 From today on, one for each day")
    spent: list[SpentDay] = Field(description="近 28 天实际用掉的 What was spent on each of the last 28 days")
    budgets: list[BudgetOutlookView]

    @classmethod
    def of(cls, outlook: Outlook) -> Self:
        made = outlook.forecast
        days: dict[date, list[int]] = defaultdict(lambda: [0, 0])
        for one in outlook.spent:
            days[one.day][0] += one.amount_mg
            days[one.day][1] += one.cost_fen
        return cls(
            prices=PricesView.model_validate(made.prices),
            daily_mg=made.daily_mg,
            daily_fen=made.daily_fen,
            earned_mg_per_day=made.earned_mg_per_day,
            unfunded_fen=made.unfunded_fen,
            points=[PointView.model_validate(point) for point in made.points],
            spent=[SpentDay(day=day, amount_mg=mg, cost_fen=fen) for day, (mg, fen) in sorted(days.items())],
            budgets=[BudgetOutlookView.model_validate(one) for one in made.budgets],
        )
