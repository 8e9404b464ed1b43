"""Routes of the city totals: the public sums, and the operators' list of the largest credits."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from services.accounting.settings import Settings
from services.accounting.totals import service
from services.accounting.totals.schemas import CityStats, LargestCredit, LargestCredits, SceneTotal
from services.accounting.totals.service import Span
from shared import clock
from shared.amounts import display
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.pagination import LIMIT_DEFAULT, Limit

router = APIRouter(prefix="/api/v1/accounting", tags=["公开核验 Public proofs"])


@router.get("/public/stats", summary="全市累计 · City totals")
async def get_stats(session: Session, language: AskedLanguage) -> CityStats:
    totals = await service.city_totals(session)
    return CityStats(
        acts=totals.acts,
        amount_mg=totals.amount_mg,
        display=display(totals.amount_mg, language),
        counted_before=totals.counted_before,
        scenes=[
            SceneTotal(
                scene=scene.scene,
                title={"zh": scene.title.zh, "en": scene.title.en},
                acts=scene.acts,
                amount_mg=scene.amount_mg,
                display=display(scene.amount_mg, language),
            )
            for scene in totals.scenes
        ],
    )


@router.get("/ops/credits/largest", summary="当日最大入账 · The largest credits of a day", tags=["运营 Operations"])
async def list_largest_credits(
    session: Session,
    request: Request,
    language: AskedLanguage,
    _operator: Annotated[Operator, Depends(require_scope("ops:read"))],
    day: Annotated[date | None, Query(description="北京日期，默认当天 Local date, today by default")] = None,
    span: Annotated[Span, Query(description="单笔，或同一账户一小时合计 One credit, or an account's hour")] = "credit",
    limit: Limit = LIMIT_DEFAULT,
) -> LargestCredits:
    """不含姓名；过去 92 天，每天前 100 名。Without names; the first 100 of each of the last 92 days."""
    settings: Settings = request.app.state.settings
    day = day or clock.local_date(clock.now(), settings.time_zone)
    rows, ranked_before = await service.largest_credits(session, day=day, span=span, limit=limit)
    return LargestCredits(
        day=day,
        span=span,
        ranked_before=ranked_before,
        items=[LargestCredit(**row, display=display(row["amount_mg"], language)) for row in rows],
    )
