"""The operators' route of verdict totals."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.accounting.posting import history
from services.accounting.posting.schemas import IntakeTotal, IntakeTotals
from shared.auth.tokens import Operator, require_scope
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounting", tags=["减碳记录 Activities"])


@router.get("/ops/activities/totals", summary="判定汇总 · Verdicts counted", tags=["运营 Operations"])
async def get_verdict_totals(
    session: Session,
    _operator: Annotated[Operator, Depends(require_scope("ops:read"))],
    day: Annotated[date | None, Query(alias="date", description="收到的日期 Day of receipt")] = None,
    partner_id: Annotated[str | None, Query(max_length=64)] = None,
) -> IntakeTotals:
    rows = await history.intake_totals(session, day=day, partner_id=partner_id)
    items = [IntakeTotal.model_validate(row, from_attributes=True) for row in rows]
    return IntakeTotals(events=sum(item.events for item in items), items=items)
