"""The operators' route that checks every equation."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.accounting.checks import service
from services.accounting.checks.schemas import EquationChecked, LedgerCheck
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/accounting", tags=["账本 Ledger"])


@router.get("/ops/ledger/check", summary="账本核对 · Recompute the whole ledger", tags=["运营 Operations"])
async def check_ledger(
    session: Session, language: AskedLanguage, _operator: Annotated[Operator, Depends(require_scope("ops:ledger"))]
) -> LedgerCheck:
    figures = await service.check_all(session)
    equations = [
        EquationChecked(name=name, sentence=sentence.pick(language), figure=figures[name])
        for name, sentence in service.equation_sentences().items()
    ]
    named = {name: value for name, value in figures.items() if name in LedgerCheck.model_fields}
    return LedgerCheck(ok=not any(one.figure for one in equations), equations=equations, **named)
