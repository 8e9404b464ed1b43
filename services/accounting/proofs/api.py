"""Routes of the proofs: public digests and proofs, and the bundle of the owner."""

import uuid
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Request

from services.accounting.proofs import service
from services.accounting.proofs.schemas import (
    Bundle,
    Digest,
    Proof,
    bundle_view,
    digest_view,
    proof_view,
)
from services.accounting.settings import Settings
from shared.auth.tokens import Citizen
from shared.db import Session
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
