"""Routes of a citizen's activities: list, explanation, series for charts."""

import uuid
from datetime import date, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from services.accounting.explaining import service
from services.accounting.explaining.schemas import (
    ActivityDetail,
    ActivityItem,
    ActivityStatus,
    Explanation,
    Summary,
    SummaryPoint,
)
from services.accounting.explaining.views import activity_item_fields
from services.accounting.methodologies.dependencies import Index
from services.accounting.posting import history
from shared import clock
from shared.auth.tokens import Citizen
from shared.db import RequestDatabase, Session
from shared.errors import FieldError, InvalidRequest
from shared.http_language import AskedLanguage
from shared.instants import shown_act
from shared.language import Text
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor
from shared.settings import ServiceSettings

SUMMARY_DAYS_MAX = 1100  # three years: enough for a chart, and a limit for the query
_DEFAULT_DAYS = {"day": 30, "month": 366, "year": SUMMARY_DAYS_MAX, "scene": 366}

router = APIRouter(prefix="/api/v1/accounting", tags=["减碳记录 Activities"])


def _time_zone(request: Request) -> str:
    settings: ServiceSettings = request.app.state.settings
    return settings.time_zone


@router.get("/me/activities", summary="我的减碳记录 · My activities, newest first")
async def list_activities(
    database: RequestDatabase,
    citizen: Citizen,
    request: Request,
    language: AskedLanguage,
    scene: Annotated[str | None, Query(max_length=40, examples=["metro"])] = None,
    status: ActivityStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ActivityItem]:
    position = decode_cursor(cursor, datetime.fromisoformat, uuid.UUID)
    rows, index = await service.list_activities(
        database,
        request.app.state.library,
        account_id=citizen.account_id,
        scene=scene,
        status=status,
        before=(position[0], position[1]) if position else None,
        limit=limit + 1,
    )
    return Page[ActivityItem].of(
        rows,
        limit,
        item=lambda row: ActivityItem(**activity_item_fields(row, index, language)),
        cursor=lambda row: (row.occurred_at, row.activity_id),
    )


@router.get("/me/activities/{activity_id}", summary="这次为什么是这么多 · Explanation of one activity")
async def get_activity(
    session: Session,
    citizen: Citizen,
    index: Index,
    language: AskedLanguage,
    activity_id: uuid.UUID,
) -> ActivityDetail:
    row = await history.get_activity(session, account_id=citizen.account_id, activity_id=activity_id)
    explanation = await service.explain_with_mend(session, row, index)
    return ActivityDetail(
        **activity_item_fields(row, index, language),
        partner_id=row.partner_id,
        event_id=row.event_id,
        received_at=row.received_at,
        act=shown_act(row.act) if row.act else None,
        raw_event_sha256=row.raw_sha256.hex(),
        explanation=Explanation.model_validate(explanation, from_attributes=True),
    )


@router.get("/me/summary", summary="减碳统计 · Series for charts")
async def get_summary(
    session: Session,
    citizen: Citizen,
    request: Request,
    by: Literal["day", "month", "year", "scene"] = "month",
    first: Annotated[date | None, Query(description="首日 First day, Asia/Shanghai")] = None,
    last: Annotated[date | None, Query(description="末日 Last day, inclusive")] = None,
) -> Summary:
    time_zone = _time_zone(request)
    last = last or clock.local_date(clock.now(), time_zone)
    first = first or last - timedelta(days=_DEFAULT_DAYS[by])
    if not timedelta(0) <= last - first <= timedelta(days=SUMMARY_DAYS_MAX):
        raise InvalidRequest(
            field_errors=[
                FieldError(
                    "query.first",
                    "RANGE",
                    Text(
                        f"开始日期须在结束日期之前、{SUMMARY_DAYS_MAX} 天以内，请重新选择。",
                        f"It lies 0 to {SUMMARY_DAYS_MAX} days before the last day.",
                    ),
                )
            ]
        )
    rows = await history.summarise_activities(
        session, account_id=citizen.account_id, by=by, first=first, last=last, time_zone=time_zone
    )
    items = [SummaryPoint(key=row.key, amount_mg=row.amount_mg, acts=row.acts) for row in rows]
    return Summary(by=by, first=first, last=last, items=items, total_mg=sum(item.amount_mg for item in items))
