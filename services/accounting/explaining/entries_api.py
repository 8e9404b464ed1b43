"""The route of a citizen's statement of account."""

import uuid

from fastapi import APIRouter, Request

from services.accounting.explaining.lines import Line, list_lines
from services.accounting.explaining.schemas import Entry
from shared.amounts import display
from shared.auth.tokens import Citizen
from shared.db import RequestDatabase
from shared.http_language import AskedLanguage
from shared.language import Language
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounting", tags=["账本 Ledger"])


@router.get("/me/entries", summary="账本明细 · Ledger entries")
async def list_entries(
    database: RequestDatabase,
    citizen: Citizen,
    request: Request,
    language: AskedLanguage,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[Entry]:
    """每一笔都写明是哪次低碳行为、哪件商品或哪项活动。Each line names its activity, item or campaign."""
    lines = await list_lines(
        database,
        request.app.state.library,
        account_id=citizen.account_id,
        before=position_of(cursor, uuid.UUID),
        limit=limit + 1,
    )
    return Page[Entry].of(
        lines, limit, item=lambda line: _entry(line, language), cursor=lambda line: (line.row.posting_id,)
    )


def _entry(line: Line, language: Language) -> Entry:
    row = line.row
    return Entry(
        entry_id=row.posting_id,
        posted_at=row.posted_at,
        kind=row.kind,
        direction="out" if row.outgoing else "in",
        title=line.title.pick(language),
        amount_mg=row.amount_mg,
        display=display(row.amount_mg, language),
        counterpart=row.counterpart,
        activity_id=row.activity_id,
        hold_id=row.hold_id,
        order_id=line.spending_id if line.spending == "order" else None,
        donation_id=line.spending_id if line.spending == "donation" else None,
        loan_offset_id=line.spending_id if line.spending == "loan" else None,
    )
