"""Routes about received events: receipts and statuses for partners, totals of a day for operators."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from starlette.convertors import PathConvertor, register_url_convertor

from services.ingest.archive import service
from services.ingest.archive.schemas import EventStatus, IntakeTotals, Receipt
from services.ingest.settings import CurrentSettings
from services.ingest.signed import IdentifiedBy
from shared import clock
from shared.auth.tokens import require_scope
from shared.db import Session
from shared.http_language import AskedLanguage

PREFIX = "/api/v1/ingest"


class _AnyText(PathConvertor):
    """The rest of a path, also with line feeds: an event id may hold any character."""

    regex = "(?s:.*)"


register_url_convertor("any_text", _AnyText())

router = APIRouter(prefix=PREFIX)


@router.get("/receipts/{receipt_id}", tags=["事件接入 Events"], summary="一批事件的去向 · The status of a batch")
async def get_receipt(
    receipt_id: UUID, caller: IdentifiedBy, session: Session, settings: CurrentSettings, language: AskedLanguage
) -> Receipt:
    """收下但尚未归档的回执：200，`accepted` 为 null；从未签发的回执号：404。

    A receipt that is under way is answered with 200 and `accepted` null, an id that was never issued with 404.
    """
    view = await service.receipt_view(
        session,
        partner_id=caller.stored_as,
        receipt_id=receipt_id,
        pepper=settings.account_ref_pepper.get_secret_value(),
    )
    return Receipt.of(view, language)


@router.get("/events", tags=["事件接入 Events"], summary="按 id 查一条事件的去向 · The status of an event, by its id")
async def find_event_status(
    event_id: Annotated[
        str,
        Query(
            alias="id",
            min_length=1,
            max_length=128,
            description="贵方的事件 id · your event's id",
            examples=["order/20261123/000001"],
        ),
    ],
    caller: IdentifiedBy,
    session: Session,
    language: AskedLanguage,
) -> EventStatus:
    """适用于任何 id，包括含 `/`、`\\`、`..` 的 · For any id, also one with `/`, `\\` or `..`."""
    view = await service.event_view(session, partner_id=caller.stored_as, event_id=event_id)
    return EventStatus.of(view, language)


@router.get("/events/{event_id:any_text}", tags=["事件接入 Events"], summary="一条事件的去向 · The status of an event")
async def get_event_status(
    event_id: Annotated[str, Path(min_length=1, max_length=128, description="贵方的事件 id · your event's id")],
    caller: IdentifiedBy,
    session: Session,
    language: AskedLanguage,
) -> EventStatus:
    view = await service.event_view(session, partner_id=caller.stored_as, event_id=event_id)
    return EventStatus.of(view, language)


@router.get(
    "/ops/intake/totals",
    tags=["运营 Operators"],
    summary="某日接入总量及去向 · Intake of a day by status",
    dependencies=[Depends(require_scope("ops:read"))],
)
async def get_intake_totals(
    session: Session,
    settings: CurrentSettings,
    day: Annotated[
        date | None,
        Query(alias="date", ge=date(2000, 1, 1), lt=date(2100, 1, 1), description="缺省为今天 · default today"),
    ] = None,
) -> IntakeTotals:
    zone = settings.time_zone
    chosen = day or clock.local_date(clock.now(), zone)
    return IntakeTotals.of(await service.day_totals(session, day=chosen, time_zone=zone))
