"""Routes of activities: what I did and what it earned, why, what is left to earn, and the operator's totals."""

import uuid
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from services.accounting.activities import claims, reading, service
from services.accounting.activities.explanation import Text
from services.accounting.activities.posting import Programme
from services.accounting.activities.schemas import (
    ActivityDetail,
    ActivityItem,
    ActivityStatus,
    Allowances,
    Bilingual,
    CapAllowance,
    ClaimRequest,
    Evidence,
    Explanation,
    IntakeTotal,
    IntakeTotals,
    MethodologyRef,
    SceneAllowance,
    Summary,
    SummaryPoint,
)
from services.accounting.methodologies.compiled import Compiled
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.methodologies.service import Library
from shared import clock, idempotency
from shared.amounts import display
from shared.auth.tokens import Citizen, Operator, require_scope
from shared.contracts import topics
from shared.db import RequestDatabase, Session
from shared.errors import FieldError, IdempotencyKeyMissing, InvalidRequest
from shared.language import Language, language_of
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor, encode_cursor
from shared.settings import ServiceSettings

SUMMARY_DAYS_MAX = 1100  # three years of days: what a chart can show, and a bound on what a query reads
_DEFAULT_DAYS = {"day": 30, "month": 366, "year": SUMMARY_DAYS_MAX, "scene": 366}

router = APIRouter(prefix="/api/v1/accounting", tags=["减碳记录 Activities"])


async def _index(request: Request, session: Session) -> MethodologyIndex:
    library: Library = request.app.state.library
    return await library.index(session)


Index = Annotated[MethodologyIndex, Depends(_index)]


def _settings(request: Request) -> ServiceSettings:
    settings: ServiceSettings = request.app.state.settings
    return settings


def _fields(row: Any, reason: Text, language: Language, zone: ZoneInfo) -> dict[str, Any]:
    reference = (
        MethodologyRef(code=row.methodology_code, version=row.methodology_version) if row.methodology_code else None
    )
    return {
        "activity_id": row.activity_id,
        "scene": row.scene,
        "occurred_at": row.occurred_at.astimezone(zone),
        "status": row.status,
        "amount_mg": row.amount_mg,
        "display": display(row.amount_mg, language),
        "reason_code": row.reason_code,
        "reason": reason.zh if language == "zh" else reason.en,
        "methodology": reference,
    }


@router.get("/me/activities", summary="我的减碳记录 · My activities, newest first")
async def list_activities(
    database: RequestDatabase,
    citizen: Citizen,
    request: Request,
    scene: Annotated[str | None, Query(max_length=40, examples=["metro"])] = None,
    status: ActivityStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ActivityItem]:
    position = decode_cursor(cursor, datetime.fromisoformat, uuid.UUID)
    rows = await reading.page(
        database,
        request.app.state.library,
        account_id=citizen.account_id,
        scene=scene,
        status=status,
        before=(position[0], position[1]) if position else None,
        limit=limit + 1,
    )
    language = language_of(request.headers.get("accept-language"))
    zone = ZoneInfo(_settings(request).time_zone)
    items = [ActivityItem(**_fields(row, told, language, zone)) for row, told in rows[:limit]]
    has_more = len(rows) > limit
    last = rows[limit - 1][0] if has_more else None
    next_cursor = encode_cursor(last.occurred_at.isoformat(), str(last.activity_id)) if last else None
    return Page[ActivityItem](items=items, has_more=has_more, next_cursor=next_cursor)


@router.get("/me/activities/{activity_id}", summary="这次为什么是这么多 · Why this much")
async def get_activity(
    session: Session, citizen: Citizen, request: Request, index: Index, activity_id: uuid.UUID
) -> ActivityDetail:
    row = await service.activity(session, account_id=citizen.account_id, activity_id=activity_id)
    told = reading.explained(row, index)
    language = language_of(request.headers.get("accept-language"))
    return ActivityDetail(
        **_fields(row, reading.sentence(row, index), language, ZoneInfo(_settings(request).time_zone)),
        partner_id=row.partner_id,
        event_id=row.event_id,
        received_at=row.received_at,
        act=row.act,
        raw_event_sha256=row.raw_sha256.hex(),
        explanation=Explanation.model_validate(msgspec.to_builtins(told)),
    )


@router.post("/me/claims", status_code=201, summary="自行申报 · Declare an act yourself")
async def claim_act(
    session: Session,
    citizen: Citizen,
    request: Request,
    response: Response,
    index: Index,
    body: ClaimRequest,
    key: idempotency.OptionalKey,
) -> ActivityItem:
    """方法学允许自行申报的场景（自备购物袋）。当场核算，上限与其他途径合计；半小时内收银台已确认的同一次购物不重复累计。
    同一标识重复提交只算一次。Scenes whose methodology accepts one's own word. Judged at once, under the same caps; the
    same purchase confirmed by a till within half an hour counts once. The same request id takes effect once."""
    request_id = key.value if key else body.client_request_id
    if request_id is None:
        raise IdempotencyKeyMissing
    settings, evidence = _settings(request), body.evidence or Evidence()
    activity_id, replayed = await claims.declare(
        session,
        account_id=citizen.account_id,
        claim=claims.Claim(
            scene=body.scene,
            count=body.count,
            city_code=body.city_code,
            receipt_no=evidence.receipt_no,
            photo_sha256=evidence.photo_sha256,
        ),
        request_id=request_id,
        programme=Programme(index, settings.time_zone, settings.topic_prefix + topics.OUTCOMES),
    )
    if replayed:
        response.headers[idempotency.REPLAYED_HEADER] = "true"
    row = await service.activity(session, account_id=citizen.account_id, activity_id=activity_id)
    language = language_of(request.headers.get("accept-language"))
    return ActivityItem(**_fields(row, reading.sentence(row, index), language, ZoneInfo(settings.time_zone)))


@router.get("/me/summary", summary="减碳统计 · Series for charts")
async def get_summary(
    session: Session,
    citizen: Citizen,
    request: Request,
    by: Literal["day", "month", "year", "scene"] = "month",
    first: Annotated[date | None, Query(description="首日 First day, Asia/Shanghai")] = None,
    last: Annotated[date | None, Query(description="末日 Last day, inclusive")] = None,
) -> Summary:
    time_zone = _settings(request).time_zone
    last = last or clock.local_date(clock.now(), time_zone)
    first = first or last - timedelta(days=_DEFAULT_DAYS[by])
    if not timedelta(0) <= last - first <= timedelta(days=SUMMARY_DAYS_MAX):
        raise InvalidRequest(
            field_errors=[FieldError("query.first", "RANGE", f"between 0 and {SUMMARY_DAYS_MAX} days before `last`")]
        )
    rows = await service.summary(
        session, account_id=citizen.account_id, by=by, first=first, last=last, time_zone=time_zone
    )
    items = [SummaryPoint(key=row.key, amount_mg=row.amount_mg, acts=row.acts) for row in rows]
    return Summary(by=by, first=first, last=last, items=items, total_mg=sum(item.amount_mg for item in items))


@router.get("/me/allowances", summary="今天和本月还能累计多少 · What is left to earn")
async def get_allowances(session: Session, citizen: Citizen, request: Request, index: Index) -> Allowances:
    now, time_zone = clock.now(), _settings(request).time_zone
    today = clock.local_date(now, time_zone)
    versions = [version for version in index if _in_force(index, version, today)]
    caps = {cap.id: cap for version in versions for cap in (*version.count_caps, *version.amount_caps)}
    states = await service.cap_states(session, account_id=citizen.account_id, caps=caps, now=now, time_zone=time_zone)
    items = [_allowance(version, states) for version in versions]
    return Allowances(today=today, items=sorted(items, key=lambda item: item.scene))


def _in_force(index: MethodologyIndex, version: Compiled, day: date) -> bool:
    first, end = index.interval(version)
    return first <= day < end


def _allowance(version: Compiled, states: dict[str, service.CapState]) -> SceneAllowance:
    caps = []
    for cap in (*version.count_caps, *version.amount_caps):
        state = states[cap.id]
        taken = state.acts if cap.measure == "acts" else state.amount_mg
        caps.append(
            CapAllowance.model_validate(
                {
                    "cap_id": cap.id,
                    "period": cap.period,
                    "period_start": state.period_start,
                    "measure": cap.measure,
                    "per": cap.per,
                    "shared": state.shared,
                    "limit": cap.limit,
                    "used": taken,
                    "left": max(cap.limit - taken, 0),
                }
            )
        )
    title = version.document.title
    return SceneAllowance(
        scene=version.document.scene,
        title=Bilingual(zh=title.zh, en=title.en),
        methodology=MethodologyRef(code=version.code, version=version.version),
        caps=caps,
    )


@router.get("/ops/activities/totals", summary="判定汇总 · Verdicts counted", tags=["运营 Operations"])
async def get_intake_totals(
    session: Session,
    _operator: Annotated[Operator, Depends(require_scope("ops:read"))],
    day: Annotated[date | None, Query(alias="date", description="收到的日期 Day of receipt")] = None,
    partner_id: Annotated[str | None, Query(max_length=64)] = None,
) -> IntakeTotals:
    rows = await service.intake_totals(session, day=day, partner_id=partner_id)
    items = [IntakeTotal.model_validate(row, from_attributes=True) for row in rows]
    return IntakeTotals(events=sum(item.events for item in items), items=items)
