"""Routes of a family card for its proxy: its balance and activities."""

import uuid
from datetime import datetime

from fastapi import APIRouter, Request

from services.accounting.explaining import service
from services.accounting.explaining.schemas import ActivityItem, CardBalance
from services.accounting.explaining.views import activity_item_fields
from services.accounting.households import service as households
from services.accounting.ledger import service as ledger
from shared.amounts import display
from shared.auth.tokens import Citizen
from shared.db import RequestDatabase
from shared.http_language import AskedLanguage
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor

router = APIRouter(prefix="/api/v1/accounting/family-cards", tags=["亲情卡 Family cards"])


@router.get("/{card_id}/balance", summary="亲情卡余额 · The balance of a family card")
async def get_family_card_balance(
    database: RequestDatabase, citizen: Citizen, language: AskedLanguage, card_id: uuid.UUID
) -> CardBalance:
    """仅代管人可见。For its proxy only."""
    account_id = await _account_of(database, card_id, citizen.account_id)
    parts = await ledger.get_balance(database, account_id=account_id)
    return CardBalance(
        card_id=card_id,
        account_id=account_id,
        available_mg=parts.available_mg,
        pending_mg=parts.pending_mg,
        lifetime_mg=parts.lifetime_mg,
        display=display(parts.available_mg, language),
        frozen=parts.frozen_at is not None,
    )


@router.get("/{card_id}/activities", summary="亲情卡减碳记录 · Activities of a family card, newest first")
async def list_family_card_activities(
    database: RequestDatabase,
    citizen: Citizen,
    request: Request,
    language: AskedLanguage,
    card_id: uuid.UUID,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ActivityItem]:
    """仅代管人可见。For its proxy only."""
    position = decode_cursor(cursor, datetime.fromisoformat, uuid.UUID)
    account_id = await _account_of(database, card_id, citizen.account_id)
    rows, index = await service.list_activities(
        database,
        request.app.state.library,
        account_id=account_id,
        scene=None,
        status=None,
        before=(position[0], position[1]) if position else None,
        limit=limit + 1,
    )
    return Page[ActivityItem].of(
        rows,
        limit,
        item=lambda row: ActivityItem(**activity_item_fields(row, index, language)),
        cursor=lambda row: (row.occurred_at, row.activity_id),
    )


async def _account_of(database: RequestDatabase, card_id: uuid.UUID, proxy_account_id: uuid.UUID) -> uuid.UUID:
    async with database.transaction() as session:
        return await households.require_proxy(session, card_id=card_id, account_id=proxy_account_id)
