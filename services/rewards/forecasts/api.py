"""Operators' routes of the forecast, as figures and as a picture."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from services.rewards.forecasts import service
from services.rewards.forecasts.credits import CreditsReader
from services.rewards.forecasts.domain import DAYS_MAX, Prices
from services.rewards.forecasts.plot import svg_of
from services.rewards.forecasts.schemas import ForecastView
from services.rewards.forecasts.service import Outlook
from services.rewards.settings import Settings
from shared.auth.tokens import Operator, require_scope
from shared.db import Database

router = APIRouter(prefix="/api/v1/rewards/ops", tags=["运营 Operations"])

EARNED_MG_MAX: Final = 10**15
BudgetOperator = Annotated[Operator, Depends(require_scope(service.SCOPE))]
Days = Annotated[int, Query(ge=1, le=DAYS_MAX, description="往后多少天 Days ahead")]
Earned = Annotated[
    int, Query(ge=0, le=EARNED_MG_MAX, description="假设市民每天新增的减碳量 Assumed grams earned each day, in mg")
]
_PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "图 The plot", "content": {"image/svg+xml": {"schema": {"type": "string"}}}}
}


@router.get("/forecast", summary="待兑负债预测 · Forecast of the open liability")
async def get_forecast(
    request: Request, _operator: BudgetOperator, days: Days = 90, earned_mg_per_day: Earned = 0
) -> ForecastView:
    """按市场价与兑换价两种价格，不可混用。At two prices, which are never mixed."""
    return ForecastView.of(await _look_ahead(request, days, earned_mg_per_day))


@router.get(
    "/forecast.svg", response_class=Response, responses=_PICTURE, summary="待兑负债预测图 · The forecast as a picture"
)
async def get_forecast_plot(
    request: Request, _operator: BudgetOperator, days: Days = 90, earned_mg_per_day: Earned = 0
) -> Response:
    outlook = await _look_ahead(request, days, earned_mg_per_day)
    headers = {
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Response(svg_of(outlook.forecast), media_type="image/svg+xml", headers=headers)


async def _look_ahead(request: Request, days: int, earned_mg_per_day: int) -> Outlook:
    """No connection of the database waits for accounting."""
    state = request.app.state
    credits_reader: CreditsReader = state.credits
    database: Database = state.db
    settings: Settings = state.settings
    credited_mg = await credits_reader.credited_mg()
    async with database.transaction() as session:
        return await service.look_ahead(
            session,
            credited_mg=credited_mg,
            days=days,
            earned_mg_per_day=earned_mg_per_day,
            prices=Prices(settings.market_fen_per_tonne, settings.reward_fen_per_tonne),
            time_zone=settings.time_zone,
        )
