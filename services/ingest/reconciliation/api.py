"""Routes of reconciliation: our figures of a day, reports and their differences, for partners and for operators."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.ingest.reconciliation import service
from services.ingest.reconciliation.domain import Kind
from services.ingest.reconciliation.schemas import ChosenDay, Difference, OperatorsDay, PartnerDay, Report
from services.ingest.settings import CurrentSettings
from services.ingest.signed import SignedBy
from shared.auth.tokens import require_scope
from shared.db import Session
from shared.pagination import Cursor, Limit, Page, decode_cursor

PREFIX = "/api/v1/ingest"

router = APIRouter(prefix=PREFIX)
_PARTNERS: Any = ["对账 Reconciliation"]
_OPERATORS: Any = ["运营 Operators"]
_OPERATORS_ONLY = [Depends(require_scope("ops:read"))]

Which = Annotated[Kind | None, Query(alias="kind", description="只看一种差异 · one kind only")]


@router.get("/reconciliation", tags=_PARTNERS, summary="某日我方数据与已有报告 · Our figures of a day, and its reports")
async def get_reconciliation(
    day: ChosenDay, caller: SignedBy, session: Session, settings: CurrentSettings
) -> PartnerDay:
    zone, partner_id = settings.time_zone, caller.partner.partner_id
    return PartnerDay.of(await service.day_view(session, day=day, time_zone=zone, partner_id=partner_id))


@router.get("/reconciliation/reports/{report_id}", tags=_PARTNERS, summary="对账报告 · A report")
async def get_reconciliation_report(report_id: UUID, caller: SignedBy, session: Session) -> Report:
    return Report.of(await service.get_report(session, report_id=report_id, partner_id=caller.partner.partner_id))


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
    settings: CurrentSettings,
    partner_id: Annotated[str | None, Query(max_length=64)] = None,
) -> OperatorsDay:
    zone = settings.time_zone
    return OperatorsDay.of(await service.day_view(session, day=day, time_zone=zone, partner_id=partner_id))


@router.get(
    "/ops/reconciliation/reports/{report_id}",
    tags=_OPERATORS,
    summary="任一对账报告 · Any report",
    dependencies=_OPERATORS_ONLY,
)
async def get_any_report(report_id: UUID, session: Session) -> Report:
    return Report.of(await service.get_report(session, report_id=report_id, partner_id=None))


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
    rows = await service.list_differences(
        session, report_id=report_id, partner_id=partner_id, kind=kind, after=after, limit=limit + 1
    )
    return Page.of(rows, limit, item=Difference.of, cursor=lambda row: (row["kind"], row["event_id"], row["line_no"]))
