"""Operators' routes of offsets: what is under way, and what is owed to banks, as JSON and as CSV."""

import uuid
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from services.rewards.banks.service import SCOPE
from services.rewards.loans import service
from services.rewards.loans.domain import MONTH_PATTERN, BankStatus
from services.rewards.loans.schemas import OffsetForOperators, Settled
from services.rewards.loans.settled_file import settled_csv
from services.rewards.slugs import SLUG_PATTERN
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards/ops", tags=["运营 Operations"])

LoanOperator = Annotated[Operator, Depends(require_scope(SCOPE))]
BankId = Annotated[str | None, Query(pattern=SLUG_PATTERN, description="只看一家银行 Of one bank")]
Month = Annotated[str, Query(pattern=MONTH_PATTERN, description="本地月份 Local month", examples=["2026-11"])]
_AS_CSV: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            "text/csv": {
                "schema": {"type": "string"},
                "example": "bank_id,budget_id,day,offsets,amount_mg,interest_fen\r\n",
            }
        }
    }
}


@router.get("/loan-offsets", summary="利息抵扣，旧的在前 · Paid offsets, oldest first")
async def list_loan_offsets(
    session: Session,
    _operator: LoanOperator,
    bank_id: BankId = None,
    bank_status: BankStatus | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[OffsetForOperators]:
    """不含个人信息。Without their people."""
    found = await service.list_paid(
        session, bank_id=bank_id, bank_status=bank_status, after=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(found, limit, item=OffsetForOperators.of, cursor=lambda offset: (offset.offset_id,))


async def _settled(
    request: Request, session: Session, _operator: LoanOperator, month: Month, bank_id: BankId = None
) -> Settled:
    rows = await service.settled_in_month(
        session, month=month, bank_id=bank_id, zone=request.app.state.settings.time_zone
    )
    return Settled.of(month, rows)


SettledMonth = Annotated[Settled, Depends(_settled, scope="function")]


@router.get("/loan-settlements", summary="银行月结 · What banks confirmed in a month, by day")
async def get_loan_settlements(found: SettledMonth) -> Settled:
    """按银行、预算和日期；利息由预算的赞助方付给银行。The sponsors of the budgets pay the banks by it."""
    return found


@router.get("/loan-settlements.csv", summary="银行月结 CSV · As CSV", response_class=Response, responses=_AS_CSV)
async def get_loan_settlements_csv(found: SettledMonth) -> Response:
    return Response(
        settled_csv(found),
        media_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="loan-settlements-{found.month}.csv"',
            "Cache-Control": "no-store",
        },
    )
