"""Routes of reconciliation: ours of a day, a partner's file against it, the report and its differences."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from services.ingest import event_types
from services.ingest.imports import columns
from services.ingest.imports import service as imports
from services.ingest.imports.api import SignedBytes, Spoken, file_of, full_type
from services.ingest.imports.schemas import Import
from services.ingest.reconciliation import service
from services.ingest.reconciliation.domain import Kind
from services.ingest.reconciliation.schemas import Difference, OperatorsDay, PartnerDay, Report
from services.ingest.resources import Parts
from services.ingest.signed import SignedBy
from shared.auth.tokens import require_scope
from shared.db import Session
from shared.pagination import Cursor, Limit, Page, decode_cursor, encode_cursor

PREFIX = "/api/v1/ingest"
RECONCILIATION_PATH = f"{PREFIX}/reconciliation"

router = APIRouter(prefix=PREFIX)
_PARTNERS: Any = ["对账 Reconciliation"]
_OPERATORS: Any = ["运营 Operators"]
_OPERATORS_ONLY = [Depends(require_scope("ops:read"))]

ChosenDay = Annotated[
    date,
    Query(
        alias="date",
        ge=date(2000, 1, 1),
        lt=date(2100, 1, 1),
        description="行为发生日（上海） · the day of the acts, Asia/Shanghai",
        examples=["2026-11-23"],
    ),
]
Which = Annotated[Kind | None, Query(alias="kind", description="只看一种差异 · one kind only")]


@router.get("/reconciliation", tags=_PARTNERS, summary="某日我方数据与已有报告 · Our figures of a day, and its reports")
async def get_reconciliation(day: ChosenDay, caller: SignedBy, session: Session, parts: Parts) -> PartnerDay:
    zone, partner_id = parts.settings.time_zone, caller.partner.partner_id
    return PartnerDay.of(await service.day_view(session, day=day, time_zone=zone, partner_id=partner_id))


@router.post(
    "/reconciliation",
    tags=_PARTNERS,
    summary="上传某日文件对账 · Compare a day's file with ours",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {"schema": {"type": "string"}, "example": columns.template(event_types.TRIP)},
                "application/x-ndjson": {"schema": {"type": "string"}},
            },
        }
    },
)
async def post_reconciliation(
    request: Request,
    day: ChosenDay,
    received: SignedBytes,
    session: Session,
    language: Spoken,
    event_type: Annotated[str | None, Query(max_length=100, description="没有 type 列时 · of lines without it")] = None,
) -> Import:
    """格式同文件导入，什么都不入账。4 MiB 以上以 `mode: reconcile` 走 imports。完成后报告的 id 即 import_id。

    The formats of an import; nothing of it counts. Above 4 MiB use imports with `mode: reconcile`. Once done, the
    report has the id of the import.
    """
    caller, body = received
    file = file_of(request, body, mode="reconcile", day=day, event_type=full_type(event_type))
    import_id = await imports.upload(session, caller.partner, file, body)
    return Import.of(await imports.view(session, caller.partner, import_id), language)


@router.get("/reconciliation/reports/{report_id}", tags=_PARTNERS, summary="对账报告 · A report")
async def get_reconciliation_report(report_id: UUID, caller: SignedBy, session: Session) -> Report:
    return Report.of(await service.report(session, report_id=report_id, partner_id=caller.partner.partner_id))


@router.get("/reconciliation/reports/{report_id}/differences", tags=_PARTNERS, summary="差异明细 · The differences")
async def list_differences(
    report_id: UUID, caller: SignedBy, session: Session, kind: Which = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[Difference]:
    return await _differences(session, report_id, caller.partner.partner_id, kind, cursor, limit)


@router.get(
    "/ops/reconciliation",
    tags=_OPERATORS,
    summary="某日各合作方数据与对账报告 · A day of every partner, and its reports",
    dependencies=_OPERATORS_ONLY,
)
async def get_day_of_partners(
    day: ChosenDay,
    session: Session,
    parts: Parts,
    partner_id: Annotated[str | None, Query(max_length=64)] = None,
) -> OperatorsDay:
    zone = parts.settings.time_zone
    return OperatorsDay.of(await service.day_view(session, day=day, time_zone=zone, partner_id=partner_id))


@router.get(
    "/ops/reconciliation/reports/{report_id}",
    tags=_OPERATORS,
    summary="任一对账报告 · Any report",
    dependencies=_OPERATORS_ONLY,
)
async def get_any_report(report_id: UUID, session: Session) -> Report:
    return Report.of(await service.report(session, report_id=report_id, partner_id=None))


@router.get(
    "/ops/reconciliation/reports/{report_id}/differences",
    tags=_OPERATORS,
    summary="任一报告的差异 · Its differences",
    dependencies=_OPERATORS_ONLY,
)
async def list_any_differences(
    report_id: UUID, session: Session, kind: Which = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[Difference]:
    return await _differences(session, report_id, None, kind, cursor, limit)


async def _differences(
    session: Session, report_id: UUID, partner_id: str | None, kind: Kind | None, cursor: str | None, limit: int
) -> Page[Difference]:
    position = decode_cursor(cursor, str, str, int)
    after = (position[0], position[1], position[2]) if position else None
    rows = await service.differences(
        session, report_id=report_id, partner_id=partner_id, kind=kind, after=after, limit=limit + 1
    )
    more, shown = len(rows) > limit, rows[:limit]
    last = shown[-1] if more else None
    cursor_of_last = encode_cursor(last["kind"], last["event_id"], last["line_no"]) if last else None
    return Page(items=[Difference.of(row) for row in shown], has_more=more, next_cursor=cursor_of_last)
