"""Routes of the proofs: public digests and proofs, and the bundle of the owner."""

import uuid
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from services.accounting.methodologies import service as methodologies
from services.accounting.proofs import nightly, service
from services.accounting.proofs.schemas import (
    Bundle,
    Digest,
    Proof,
    SealChecks,
    bundle_view,
    digest_view,
    proof_view,
    run_view,
)
from services.accounting.settings import Settings
from shared.auth.tokens import Citizen, Operator, require_scope
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounting", tags=["公开核验 Public proofs"])

ActivityId = Annotated[uuid.UUID, Path(examples=["0b6f4b0e-3c55-8a3e-9a39-0f9f5d2f3c11"])]


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


@router.get("/public/digests", summary="每日摘要，从新到旧 · Daily digests, newest first")
async def list_digests(session: Session, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT) -> Page[Digest]:
    before = position_of(cursor, date.fromisoformat)
    rows = await service.list_digests(session, before=before, limit=limit + 1)
    return Page.of(rows, limit, item=digest_view, cursor=lambda row: (row.day,))


@router.get("/public/digests/{day}", summary="某一天的摘要 · One day's digest")
async def get_digest(session: Session, day: Annotated[date, Path(examples=["2026-11-22"])]) -> Digest:
    return digest_view(await service.get_digest(session, day=day))


@router.get("/public/proofs/{activity_id}", summary="入账存在证明 · Inclusion proof of a credit")
async def get_proof(session: Session, request: Request, activity_id: ActivityId) -> Proof:
    settings = _settings(request)
    found = await service.get_proof(
        session, activity_id=activity_id, time_zone=settings.time_zone, delay_s=settings.digest_delay_s
    )
    return proof_view(found)


@router.get(
    "/ops/ledger/seals",
    summary="封存与等式的夜间复核 · Nightly recheck of seals and equations",
    tags=["运营 Operations"],
)
async def get_seals(
    session: Session, language: AskedLanguage, _operator: Annotated[Operator, Depends(require_scope("ops:ledger"))]
) -> SealChecks:
    last, running = await nightly.last_run(session), await nightly.open_run(session)
    refused = [str(one) for one in (await methodologies.examine_library(session)).refused]
    return SealChecks(
        ok=None if last is None else not (nightly.differences(last) or refused),
        last=run_view(last, language) if last else None,
        running=run_view(running, language) if running else None,
        refused=refused,
    )


@router.get(
    "/me/activities/{activity_id}/bundle", summary="导出全部依据，可离线复算 · All data to recompute it offline"
)
async def get_bundle(session: Session, citizen: Citizen, request: Request, activity_id: ActivityId) -> Bundle:
    settings = _settings(request)
    found = await service.get_bundle(
        session,
        account_id=citizen.account_id,
        activity_id=activity_id,
        time_zone=settings.time_zone,
        delay_s=settings.digest_delay_s,
    )
    return bundle_view(found, time_zone=settings.time_zone)
