"""Operators' routes: try a draft on past acts before it is published."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from services.accounting.methodologies.dependencies import LibraryDays
from services.accounting.methodologies.presentation import calendar_line
from services.accounting.publishing import service as publishing
from services.accounting.publishing.schemas import warnings_of
from services.accounting.what_if import service
from services.accounting.what_if.schemas import Run, RunStarted, Spread, Totals, WhatIf
from shared.auth.tokens import Operator, require_scope
from shared.db import Session

router = APIRouter(prefix="/api/v1/accounting/ops", tags=["运营 Operations"])

Author = Annotated[Operator, Depends(require_scope("ops:methodologies"))]


def _progress(row: Any) -> int:
    """Return the progress in percent. Account ids are evenly spread hashes, so the last id gives the progress."""
    if row.status == "finished":
        return 100
    return 0 if row.last_account_id is None else row.last_account_id.int * 100 >> 128


@router.post("/methodologies:what-if", status_code=202, summary="试算草案 · Try a draft on a past period")
async def start_what_if(session: Session, operator: Author, days: LibraryDays, body: WhatIf) -> RunStarted:
    """在后台对已有行为试算，不改动账本。Runs in the background over stored acts. Writes nothing to the ledger."""
    text = body.yaml
    if body.draft_id is not None:
        review = await publishing.review_draft(session, draft_id=body.draft_id, days=days)
        text = review.draft.text
    assert text is not None  # the model requires one of the two
    row = await service.start_run(
        session,
        text=text,
        first_day=body.first_day,
        last_day=body.last_day,
        reason=body.reason,
        subject=operator.subject,
        today=days.today,
    )
    outlook = await publishing.outlook_of(session, text=text, days=days)
    return RunStarted(run_id=row.run_id, warnings=warnings_of(outlook))


@router.get("/what-if-runs/{run_id}", summary="试算进度与结果 · Progress and result of a run")
async def get_what_if(session: Session, _operator: Author, days: LibraryDays, run_id: uuid.UUID) -> Run:
    """谁多谁少，以合计与分位数给出，不涉及个人。Totals and quantiles of gains and losses, without names."""
    row = await service.get_run(session, run_id=run_id)
    outlook = await publishing.outlook_of(session, text=row.text, days=days)
    return Run(
        warnings=warnings_of(outlook),
        calendar=[calendar_line(line) for line in outlook.calendar],
        run_id=row.run_id,
        code=row.code,
        version=row.version,
        sha256=row.sha256,
        first_day=row.first_day,
        last_day=row.last_day,
        status=row.status,
        progress_percent=_progress(row),
        totals=Totals(
            people=row.people,
            acts=row.acts,
            credited_before=row.before_acts,
            credited_after=row.after_acts,
            before_mg=row.before_mg,
            after_mg=row.after_mg,
            change_mg=row.after_mg - row.before_mg,
        ),
        spread=Spread.model_validate(row.spread) if row.spread else None,
        error=row.error,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        finished_at=row.finished_at,
    )
