"""Consents: purpose, policy version and period, and the history of their changes."""

import uuid

from fastapi import APIRouter

from services.accounts.consents import service
from services.accounts.consents.schemas import ConsentChangeOut, ConsentsOut
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts", tags=["同意 Consents"])


@router.get("/me/consents", summary="我的同意记录 · My consents, including ended ones")
async def list_consents(citizen: Citizen, session: Session) -> ConsentsOut:
    return ConsentsOut.of(await service.list_history(session, user_id=citizen.user_id))


@router.get("/me/consents/history", summary="同意的每次变更 · Every change of my consents")
async def list_consent_changes(
    citizen: Citizen, session: Session, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[ConsentChangeOut]:
    """最新在前。Newest first: what changed, when, by whom and through which channel."""
    before = position_of(cursor, uuid.UUID)
    rows = await service.list_changes(session, user_id=citizen.user_id, before=before, limit=limit + 1)
    return Page.of(rows, limit, item=ConsentChangeOut.of, cursor=lambda row: (row.change_id,))
