"""Public routes of the methodology library."""

import asyncio
import json
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request

from services.accounting.methodologies import service
from services.accounting.methodologies.compiled import Compiled, region_prefix
from services.accounting.methodologies.coverage import calendar
from services.accounting.methodologies.dependencies import Today
from services.accounting.methodologies.document import canonical_json
from services.accounting.methodologies.errors import MethodologyNotFound
from services.accounting.methodologies.presentation import bilingual, calendar_line, summary
from services.accounting.methodologies.schemas import (
    CalendarListing,
    FactorListing,
    FactorView,
    MethodologyDetail,
    MethodologySummary,
)
from services.accounting.methodologies.service import Library, Published
from services.accounting.methodologies.shelf import shelf
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor

router = APIRouter(prefix="/api/v1/accounting", tags=["方法学 Methodologies"])


State = Literal["scheduled", "in_force", "superseded", "expired", "retired", "shelf"]


async def _list_library(session: Session, request: Request) -> list[tuple[Compiled, Published | None]]:
    """Return published versions, then versions on the shelf, each by code and version.

    A document of the shelf that was published under its own code and version is listed once, as published.
    """
    library: Library = request.app.state.library
    index = await library.index(session)
    found: list[tuple[Compiled, Published | None]] = []
    for published in await service.list_published(session):
        version = index.version(published.document.code, published.document.version)
        if version is not None:
            found.append((version, published))
    names = {(version.code, version.version) for version, _published in found}
    shelved = await asyncio.to_thread(shelf)  # in a thread, because the first call compiles the shelf
    return found + [(item.version, None) for item in shelved if (item.version.code, item.version.version) not in names]


@router.get("/methodologies", summary="方法学：已发布的和书架上的 · Methodologies, published and on the shelf")
async def list_methodologies(
    session: Session,
    request: Request,
    today: Today,
    language: AskedLanguage,
    state: Annotated[State | None, Query(description="只列出某一状态 Only versions in this state")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[MethodologySummary]:
    """随平台提供的全部方法学及其状态、算例和来源：已发布的在前，书架上的（随平台提供、未在本地发布）在后。
    The whole library with states, examples and sources: published versions first, then the shelf."""
    position = decode_cursor(cursor, int, str, int)
    everything = await _list_library(session, request)
    rows = [
        ((int(published is None), version.code, version.version), version, published)
        for version, published in everything
        if state is None or state == (published.state_on(today) if published else "shelf")
    ]
    left = [row for row in rows if position is None or row[0] > position]
    return Page.of(
        left,
        limit,
        item=lambda row: summary(row[1], row[2], today=today, language=language),
        cursor=lambda row: row[0],
    )


@router.get("/methodologies/calendar", summary="方法学日历 · Calendar of the methodologies")
async def get_calendar(
    session: Session,
    today: Today,
    scene: Annotated[
        str | None, Query(max_length=40, description="只看某一场景 Only this scene", examples=["bus"])
    ] = None,
    region: Annotated[
        str | None, Query(max_length=6, description="只看某一地区 Only this region", examples=["420100"])
    ] = None,
) -> CalendarListing:
    """每个场景、每个地区自今天起依次适用哪一版本，以及没有版本可用的日子。行为按其开始的日子适用版本，何时上报不影响结果。
    Which version applies when, per scene and region, from today on, and the days without a version. The day on which an
    act begins selects its version. The time of its report does not."""
    lines = calendar([version.period for version in await service.list_published(session)], today)
    return CalendarListing(
        items=[
            calendar_line(line)
            for line in lines
            if scene in {None, line.scene} and (region is None or region_prefix(line.region) == region_prefix(region))
        ]
    )


@router.get("/methodologies/{code}/versions/{version}", summary="方法学全文 · One version in full")
async def get_methodology(
    session: Session,
    request: Request,
    today: Today,
    language: AskedLanguage,
    code: Annotated[str, Path(max_length=60, examples=["WH-APP-BUS"])],
    version: Annotated[int, Path(ge=1, le=10_000, examples=[1])],
) -> MethodologyDetail:
    """也包括书架上的；可作草案的 YAML 原文在 `/shelf/…`。Includes the shelf. `/shelf/…` has the YAML for a draft."""
    for compiled, published in await _list_library(session, request):
        if (compiled.code, compiled.version) == (code, version):
            shown = summary(compiled, published, today=today, language=language)
            return MethodologyDetail(**shown.model_dump(), document=json.loads(canonical_json(compiled.document)))
    raise MethodologyNotFound


@router.get("/factors", summary="排放因子 · Emission factors")
async def list_factors(session: Session) -> FactorListing:
    return FactorListing(
        items=[
            FactorView(
                factor_id=factor.id,
                vintage=factor.vintage,
                name=bilingual(factor.name),
                region=factor.region,
                unit=factor.unit,
                value=str(factor.value),
                source=factor.source,
                source_status=factor.source_status,
                sha256=factor.sha256,
            )
            for factor in await service.list_factors(session)
        ]
    )
