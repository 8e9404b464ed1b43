"""Routes of a household's grams for its members, and the spends of the rewards service."""

import uuid
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from services.accounting.families import service, spending
from services.accounting.families.schemas import AgreementIn, AgreementOut, FamilySpendOut
from services.accounting.settings import Settings
from shared.auth.tokens import Citizen, require_service
from shared.contracts.holds import SpendRequests, SpentItems
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.live_sessions import LiveCitizen
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounting/households", tags=["家庭 Households"])
internal = APIRouter(prefix="/internal/accounting", include_in_schema=False)

# Who moves grams for its orders and donations.
Spender = Annotated[str, Depends(require_service("accounting", callers={"rewards"}))]


@internal.post("/spends")
async def spend(session: Session, request: Request, body: SpendRequests, caller: Spender) -> SpentItems:
    settings: Settings = request.app.state.settings
    return SpentItems(
        items=await spending.spend(session, requests=body.items, caller=caller, time_zone=settings.time_zone)
    )


@router.post("/{household_id}/agreements", status_code=201, summary="发起用碳约定 · Propose a use of the grams")
async def propose_household_agreement(
    session: Session, citizen: LiveCitizen, language: AskedLanguage, household_id: uuid.UUID, body: AgreementIn
) -> AgreementOut:
    """家人都同意后，发起人凭 agreement_id 兑换或捐赠一次，7 天内有效。

    Once all agree, its proposer orders or donates once with `agreement_id`, within 7 days.
    """
    view = await service.propose(
        session,
        account_id=citizen.account_id,
        household_id=household_id,
        about=body.about,
        amount_mg=body.amount_mg,
    )
    return AgreementOut.of(view, language=language)


@router.get("/{household_id}/agreements", summary="用碳约定 · Agreements of my household, newest first")
async def list_household_agreements(
    session: Session,
    citizen: Citizen,
    language: AskedLanguage,
    household_id: uuid.UUID,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[AgreementOut]:
    rows = await service.list_agreements(
        session,
        account_id=citizen.account_id,
        household_id=household_id,
        before=position_of(cursor, uuid.UUID),
        limit=limit + 1,
    )
    view = partial(AgreementOut.of, language=language)
    return Page[AgreementOut].of(rows, limit, item=view, cursor=lambda row: (row.agreement.agreement_id,))


@router.post("/{household_id}/agreements/{agreement_id}/agree", summary="同意用碳约定 · Agree")
async def agree_household_agreement(
    session: Session, citizen: LiveCitizen, language: AskedLanguage, household_id: uuid.UUID, agreement_id: uuid.UUID
) -> AgreementOut:
    view = await service.agree(
        session, account_id=citizen.account_id, household_id=household_id, agreement_id=agreement_id
    )
    return AgreementOut.of(view, language=language)


@router.post("/{household_id}/agreements/{agreement_id}/refuse", summary="拒绝或撤回约定 · Refuse or withdraw")
async def refuse_household_agreement(
    session: Session, citizen: LiveCitizen, language: AskedLanguage, household_id: uuid.UUID, agreement_id: uuid.UUID
) -> AgreementOut:
    view = await service.refuse(
        session, account_id=citizen.account_id, household_id=household_id, agreement_id=agreement_id
    )
    return AgreementOut.of(view, language=language)


@router.get("/{household_id}/spends", summary="家庭用碳记录 · How the household's grams were used, newest first")
async def list_household_spends(
    session: Session,
    citizen: Citizen,
    language: AskedLanguage,
    household_id: uuid.UUID,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[FamilySpendOut]:
    """只显示我加入以后的记录。Since I joined."""
    rows = await service.list_spends(
        session,
        account_id=citizen.account_id,
        household_id=household_id,
        before=position_of(cursor, uuid.UUID),
        limit=limit + 1,
    )
    view = partial(FamilySpendOut.of, language=language)
    return Page[FamilySpendOut].of(rows, limit, item=view, cursor=lambda row: (row.row.hold_id,))
