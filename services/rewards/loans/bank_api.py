"""Routes that banks call. Each request is signed with the bank's key (CP1); the nonce of a signature works once."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from services.rewards.banks import service as banks
from services.rewards.loans import service
from services.rewards.loans.domain import BankStatus
from services.rewards.loans.schemas import OffsetForBank, QuoteRequest, QuoteView
from services.rewards.loans.settling import LOAN
from services.rewards.settlement.engine import SettlementEngine
from shared.auth import cp1, schemes
from shared.db import Database, RequestDatabase, Session
from shared.http_language import AskedLanguage
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards/partner", tags=["碳抵贷 Loan interest"])


async def _calling_bank(
    request: Request, database: RequestDatabase, _signed: Annotated[Any, Depends(schemes.CP1)]
) -> str:
    """Return the id of the bank. Raises BankSignatureInvalid, BankSuspended.

    The nonce is noted in a transaction of its own: a request that fails has used it.
    """
    body = await request.body()
    async with database.transaction() as session:
        return await banks.bank_of_signature(
            session,
            authorization=request.headers.get("authorization", ""),
            method=request.method,
            target=cp1.target_of(request.scope),
            body=body,
        )


CallingBank = Annotated[str, Depends(_calling_bank, scope="function")]


@router.post("/loan-quotes", status_code=201, summary="银行报价 · A bank's quote for a customer")
async def send_loan_quote(
    session: Session, bank_id: CallingBank, language: AskedLanguage, body: QuoteRequest
) -> QuoteView:
    """重复发送同一报价不会多出一条；改了内容的会被拒绝。A repeat changes nothing; other content is refused."""
    quote = await service.take_quote(
        session,
        bank_id=bank_id,
        quote_id=body.quote_id,
        customer_ref=body.customer_ref,
        interest_fen=body.interest_fen,
        expires_at=body.expires_at,
    )
    return QuoteView.of(quote, language=language)


@router.get("/loan-offsets", summary="已扣减碳量的抵扣 · Paid offsets of my customers, oldest first")
async def list_bank_offsets(
    session: Session,
    bank_id: CallingBank,
    bank_status: Annotated[BankStatus | None, Query(description="waiting：等待答复 awaiting an answer")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[OffsetForBank]:
    found = await service.list_paid(
        session, bank_id=bank_id, bank_status=bank_status, after=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(found, limit, item=OffsetForBank.of, cursor=lambda offset: (offset.offset_id,))


@router.post("/loan-offsets/{offset_id}/confirm", summary="利息已减 · The interest is reduced")
async def confirm_loan_offset(session: Session, bank_id: CallingBank, offset_id: uuid.UUID) -> OffsetForBank:
    """可重复。已退回的答 OFFSET_DECIDED，请不要减息。

    Repeatable. OFFSET_DECIDED: the grams went back, so the interest must not be reduced.
    """
    return OffsetForBank.of(
        await service.answer(session, offset_id=offset_id, bank_id=bank_id, bank_status=BankStatus.CONFIRMED)
    )


@router.post("/loan-offsets/{offset_id}/refuse", summary="不能减息 · The interest cannot be reduced")
async def refuse_loan_offset(request: Request, bank_id: CallingBank, offset_id: uuid.UUID) -> OffsetForBank:
    """可重复。减碳量、预算和额度全部退回。Repeatable. Grams, budget and limit are given back."""
    database: Database = request.app.state.db
    engine: SettlementEngine = request.app.state.settlements
    async with database.transaction() as session:
        offset = await service.answer(session, offset_id=offset_id, bank_id=bank_id, bank_status=BankStatus.REFUSED)
    await engine.drive(LOAN, offset_id)
    return OffsetForBank.of(offset)
