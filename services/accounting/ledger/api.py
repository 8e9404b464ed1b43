"""Routes of the ledger: balance and expiries of a citizen, holds and account states for other services."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from services.accounting.ledger import expiry, history, holds, service
from services.accounting.ledger.schemas import Balance, Expiries, Expiry
from services.accounting.settings import Settings
from shared import clock
from shared.amounts import display
from shared.auth.tokens import Citizen, require_service
from shared.contracts.account_state import AccountState, frozen_notice
from shared.contracts.arrivals import (
    Arrival,
    Arrivals,
    ArrivalsQuestion,
    Expiring,
    ExpiringGrams,
    ExpiringQuestion,
)
from shared.contracts.holds import (
    HOLDS_PER_PAGE_MAX,
    CaptureRequest,
    HoldPage,
    HoldRequest,
    HoldState,
)
from shared.db import RequestDatabase, Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/accounting", tags=["账本 Ledger"])
internal = APIRouter(prefix="/internal/accounting", include_in_schema=False)

_EXPIRY_RULE = {
    "zh": ("减碳量长期有效。", "获得的减碳量在 {years} 年后的年底到期，先得先用。"),
    "en": (
        "Grams do not expire.",
        "Grams expire {years} years after the end of the year in which they were earned. The oldest are used first.",
    ),
}

# Who tells a person and the operators whether an account is frozen.
Onlooker = Annotated[str, Depends(require_service("accounting", callers={"accounts"}))]
# Who moves grams for its orders and donations.
Spender = Annotated[str, Depends(require_service("accounting", callers={"rewards"}))]


@router.get("/me/balance", summary="碳账户余额 · Balance")
async def get_balance(
    database: RequestDatabase, citizen: Citizen, request: Request, language: AskedLanguage
) -> Balance:
    parts = await service.get_balance(database, account_id=citizen.account_id)
    return Balance(
        available_mg=parts.available_mg,
        pending_mg=parts.pending_mg,
        held_mg=parts.held_mg,
        debt_mg=parts.debt_mg,
        lifetime_mg=parts.lifetime_mg,
        display=display(parts.available_mg, language),
        frozen=parts.frozen_at is not None,
        notice=None if parts.frozen_at is None else frozen_notice(request.app.state.settings.support_contact, language),
    )


@router.get("/me/expiries", summary="减碳量到期日 · When grams expire")
async def list_expiries(session: Session, citizen: Citizen, request: Request, language: AskedLanguage) -> Expiries:
    """先得先用：每年获得的减碳量一起到期；冻结中的不计入，退回后仍按原年份到期。First in, first out: the grams of one
    calendar year expire together. Held grams are not listed. If they are given back, they expire with their year."""
    settings: Settings = request.app.state.settings
    found = await expiry.announced_expiries(
        session,
        account_id=citizen.account_id,
        today=clock.local_date(clock.now(), settings.time_zone),
        valid_years=settings.grams_valid_years,
        time_zone=settings.time_zone,
    )
    return Expiries(
        valid_years=settings.grams_valid_years or None,
        rule=_EXPIRY_RULE[language][bool(settings.grams_valid_years)].format(years=settings.grams_valid_years),
        items=[
            Expiry(
                year=one.year,
                expires_on=one.expires_on,
                amount_mg=one.amount_mg,
                display=display(one.amount_mg, language),
            )
            for one in found
        ],
    )


@internal.get("/accounts/{account_id}")
async def get_account_state(session: Session, account_id: uuid.UUID, _caller: Onlooker) -> AccountState:
    since, reason = await service.frozen_since(session, account_id=account_id)
    return AccountState.model_validate({"account_id": account_id, "frozen_since": since, "frozen_reason": reason})


@internal.post("/arrivals")
async def list_arrivals(session: Session, body: ArrivalsQuestion, _caller: Onlooker) -> Arrivals:
    rows = await history.arrivals(session, body.account_ids, since=body.since, until=body.until)
    return Arrivals(items=[Arrival(account_id=row[0], amount_mg=row[1], acts=row[2]) for row in rows])


@internal.post("/expiring")
async def list_expiring(session: Session, body: ExpiringQuestion, _caller: Onlooker, request: Request) -> Expiring:
    settings: Settings = request.app.state.settings
    found = []
    for account_id in body.account_ids:
        announced = await expiry.announced_expiries(
            session,
            account_id=account_id,
            today=clock.local_date(clock.now(), settings.time_zone),
            valid_years=settings.grams_valid_years,
            time_zone=settings.time_zone,
        )
        if announced and announced[0].expires_on <= body.upto:
            first = announced[0]
            found.append(ExpiringGrams(account_id=account_id, amount_mg=first.amount_mg, expires_on=first.expires_on))
    return Expiring(items=found)


@internal.post("/holds", status_code=201)
async def place_hold(session: Session, body: HoldRequest, caller: Spender) -> HoldState:
    return await holds.place_hold(session, request=body, caller=caller)


@internal.get("/holds")
async def list_holds(
    session: Session,
    _caller: Spender,
    after: uuid.UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=HOLDS_PER_PAGE_MAX)] = HOLDS_PER_PAGE_MAX,
) -> HoldPage:
    return await holds.list_holds(session, after=after or uuid.UUID(int=0), limit=limit)


@internal.get("/holds/{hold_id}")
async def get_hold(session: Session, hold_id: uuid.UUID, _caller: Spender) -> HoldState:
    return await holds.hold_state(session, hold_id=hold_id)


@internal.post("/holds/{hold_id}/capture")
async def capture_hold(session: Session, hold_id: uuid.UUID, body: CaptureRequest, caller: Spender) -> HoldState:
    return await holds.capture_hold(session, hold_id=hold_id, request=body, caller=caller)


@internal.post("/holds/{hold_id}/void")
async def void_hold(session: Session, hold_id: uuid.UUID, caller: Spender) -> HoldState:
    return await holds.void_hold(session, hold_id=hold_id, caller=caller)


@internal.post("/holds/{hold_id}/refund")
async def refund_hold(session: Session, hold_id: uuid.UUID, caller: Spender) -> HoldState:
    return await holds.refund_hold(session, hold_id=hold_id, caller=caller)
