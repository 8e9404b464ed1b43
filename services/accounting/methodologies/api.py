"""Public routes of the methodology library."""

import json
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from services.accounting.methodologies import service
from services.accounting.methodologies.document import canonical_json
from services.accounting.methodologies.schemas import (
    Bilingual,
    FactorListing,
    FactorView,
    Listing,
    MethodologyDetail,
    MethodologySummary,
)
from services.accounting.methodologies.service import Published
from shared import clock
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounting", tags=["方法学 Methodologies"])


def _today(request: Request) -> date:
    return clock.local_date(clock.now(), request.app.state.settings.time_zone)


Today = Annotated[date, Depends(_today)]


def _summary(published: Published, today: date) -> MethodologySummary:
    document = published.document
    return MethodologySummary(
        code=document.code,
        version=document.version,
        scene=document.scene,
        title=Bilingual(zh=document.title.zh, en=document.title.en),
        summary=Bilingual(zh=document.summary.zh, en=document.summary.en),
        region=document.region,
        source_status=document.source_status,
        issuable=document.issuable,
        status=published.status,
        state=published.state_on(today),
        effective_from=document.effective_from,
        effective_to=published.effective_to,
        formula=document.formula,
        sha256=published.sha256,
        published_at=published.published_at,
    )


@router.get("/methodologies", summary="已发布的方法学 · Published methodologies")
async def list_methodologies(session: Session, today: Today) -> Listing:
    return Listing(items=[_summary(published, today) for published in await service.published(session)])


@router.get("/methodologies/{code}/versions/{version}", summary="方法学全文 · One version in full")
async def get_methodology(
    session: Session,
    today: Today,
    code: Annotated[str, Path(max_length=60, examples=["WH-APP-BUS"])],
    version: Annotated[int, Path(ge=1, le=10_000, examples=[1])],
) -> MethodologyDetail:
    published = await service.published_version(session, code=code, version=version)
    document = json.loads(canonical_json(published.document))
    return MethodologyDetail(**_summary(published, today).model_dump(), document=document)


@router.get("/factors", summary="排放因子 · Emission factors")
async def list_factors(session: Session) -> FactorListing:
    return FactorListing(
        items=[
            FactorView(
                factor_id=factor.id,
                vintage=factor.vintage,
                name=Bilingual(zh=factor.name.zh, en=factor.name.en),
                region=factor.region,
                unit=factor.unit,
                value=str(factor.value),
                source=factor.source,
                source_status=factor.source_status,
                sha256=factor.sha256,
            )
            for factor in await service.all_factors(session)
        ]
    )
