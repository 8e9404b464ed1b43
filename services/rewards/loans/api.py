"""Routes on which citizens offset loan interest."""

import uuid
from functools import partial

from fastapi import APIRouter, Request, Response

from services.rewards.banks import service as banks
from services.rewards.loans import service
from services.rewards.loans.domain import month_of
from services.rewards.loans.placing import Wanted
from services.rewards.loans.schemas import LoanBank, LoanBanks, OffsetRequest, OffsetView, QuoteList, QuoteView
from services.rewards.loans.settling import LOAN
from services.rewards.settlement.desk import Desk
from services.rewards.settlement.replies import REPLY_HEADERS, origin_of, respond
from services.rewards.settlement.schemas import Spending
from services.rewards.settlement.service import Asked
from shared import clock
from shared.auth.tokens import Citizen
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.idempotency import RequiredKey
from shared.live_sessions import LiveCitizen
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards", tags=["碳抵贷 Loan interest"])


@router.get("/me/loan-banks", summary="可抵贷款利息的银行 · Banks that take grams for loan interest")
async def list_loan_banks(request: Request, session: Session, citizen: Citizen, language: AskedLanguage) -> LoanBanks:
    """`customer_ref` 是您给这家银行的称呼。`customer_ref` is the name under which this bank sends its quotes."""
    month = month_of(clock.local_date(clock.now(), request.app.state.settings.time_zone))
    taken = await service.taken_fen(session, user_id=citizen.user_id, month=month)
    return LoanBanks(
        items=[
            LoanBank(
                bank_id=bank.bank_id,
                name=bank.name.pick(language),
                fen_per_kg=bank.fen_per_kg,
                month_fen=bank.month_fen,
                left_this_month_fen=max(0, bank.month_fen - taken.get(bank.bank_id, 0)),
                customer_ref=request.app.state.pseudonyms.current(bank.bank_id, citizen.account_id),
            )
            for bank in await banks.list_banks(session)
        ]
    )


@router.get("/me/loan-quotes", summary="银行给我的报价 · Quotes that I can use now")
async def list_my_loan_quotes(
    request: Request, session: Session, citizen: Citizen, language: AskedLanguage
) -> QuoteList:
    """最早到期的在前，最多 100 条。The first to end first, at most 100."""
    found = await service.list_own_quotes(
        session, account_id=citizen.account_id, pseudonyms=request.app.state.pseudonyms
    )
    return QuoteList(items=[QuoteView.of(one, language=language) for one in found])


@router.post(
    "/loan-offsets",
    status_code=201,
    summary="用减碳量抵贷款利息 · Offset loan interest",
    response_model=OffsetView,
    responses={
        201: {"headers": REPLY_HEADERS},
        202: {
            "model": OffsetView,
            "description": "结果待定，稍后查询 Not settled yet; ask again with GET /loan-offsets/{offset_id}",
        },
    },
)
async def place_loan_offset(
    request: Request, citizen: LiveCitizen, key: RequiredKey, language: AskedLanguage, body: OffsetRequest
) -> Response:
    """减碳量立即扣除，状态为 accepted；银行确认后为 confirmed，银行拒绝或逾期不答复则全部退回。

    The grams are spent at once (`accepted`). The bank confirms, or everything is given back.
    """
    desk: Desk = request.app.state.desks[LOAN]
    wanted = Wanted(body.bank_id, body.quote_id, body.amount_mg)
    return respond(await desk.ask(Asked(origin_of(citizen, key, language, Spending()), key, body.bank_id, wanted)))


@router.get("/me/loan-offsets", summary="我的利息抵扣 · My offsets")
async def list_my_loan_offsets(
    session: Session, citizen: Citizen, language: AskedLanguage, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[OffsetView]:
    before = position_of(cursor, uuid.UUID)
    found = await service.list_own_offsets(session, user_id=citizen.user_id, before=before, limit=limit + 1)
    view = partial(OffsetView.of, language=language)
    return Page.of(found, limit, item=view, cursor=lambda offset: (offset.offset_id,))


@router.get("/loan-offsets/{offset_id}", summary="一笔利息抵扣 · One of my offsets")
async def get_loan_offset(
    session: Session, citizen: Citizen, language: AskedLanguage, offset_id: uuid.UUID
) -> OffsetView:
    return OffsetView.of(
        await service.get_own_offset(session, offset_id=offset_id, user_id=citizen.user_id), language=language
    )
