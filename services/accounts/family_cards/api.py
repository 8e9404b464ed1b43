"""Routes of family cards for their proxies, and for the holder who takes the account of a card over."""

import uuid

from fastapi import APIRouter, Response

from services.accounts.bindings import service as bindings
from services.accounts.bindings.domain import Mode
from services.accounts.bindings.schemas import BindingOut
from services.accounts.family_cards import binding, claiming, service
from services.accounts.family_cards.schemas import (
    CardBindingIn,
    CardCodeOut,
    CardEventOut,
    CardIn,
    CardOut,
    ClaimIn,
    ClaimOut,
    PrintedCardOut,
)
from services.accounts.family_cards.service import Doer
from services.accounts.live_citizen import LiveCitizen
from services.accounts.resources import RequestResources
from shared.auth.tokens import Citizen, CitizenIdentity
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/accounts/me/family-cards", tags=["亲情卡 Family cards"])


def _proxy(citizen: CitizenIdentity) -> Doer:
    return Doer("proxy", citizen.user_id)


@router.post("", status_code=201, summary="办亲情卡 · Open a family card")
async def open_family_card(
    body: CardIn, citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response
) -> PrintedCardOut:
    """给没有智能手机的家人：卡有自己的碳账户，由我代管，最多三张。

    For a relative without a smartphone. The card has an account of its own, and I am its proxy. At most three.
    """
    printed = await service.open_card(
        session,
        settings=resources.settings,
        vault=resources.vault,
        doer=_proxy(citizen),
        kind=body.kind,
        label=body.label,
        limit_mg=body.monthly_limit_mg,
        policy_version=body.consent.policy_version,
    )
    response.headers["Cache-Control"] = "no-store"
    return PrintedCardOut.of(printed)


@router.get("", summary="我代管的亲情卡 · Family cards of which I am the proxy, newest first")
async def list_family_cards(
    citizen: Citizen,
    session: Session,
    resources: RequestResources,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[CardOut]:
    rows = await service.list_cards(
        session,
        vault=resources.vault,
        user_id=citizen.user_id,
        before=position_of(cursor, uuid.UUID),
        limit=limit + 1,
    )
    return Page[CardOut].of(rows, limit, item=CardOut.of, cursor=lambda row: (row.card_id,))


@router.post("/claim", summary="凭码接收亲情卡 · Take a card over, or become its proxy")
async def claim_family_card(
    body: ClaimIn, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> ClaimOut:
    """本人接收后，账户和减碳量不变，重新登录即可使用；须在领取自己的碳账户之前。

    After a handover the account keeps its number and grams: log in again. It comes before opening an own account.
    """
    purpose = await claiming.claim(
        session,
        database=resources.database,
        settings=resources.settings,
        vault=resources.vault,
        user_id=citizen.user_id,
        code=body.code,
        policy_version=body.consent.policy_version if body.consent else None,
    )
    return ClaimOut(purpose=purpose, log_in_again=purpose == "handover")


@router.get("/{card_id}", summary="亲情卡详情 · One of my family cards")
async def get_family_card(
    card_id: uuid.UUID, citizen: Citizen, session: Session, resources: RequestResources
) -> CardOut:
    return CardOut.of(await service.read_card(session, vault=resources.vault, user_id=citizen.user_id, card_id=card_id))


@router.post("/{card_id}/qr", status_code=201, summary="挂失换码 · Replace the code of a lost card")
async def renew_family_card_code(
    card_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources, response: Response
) -> PrintedCardOut:
    """旧码立即失效。The old code is dead at once."""
    printed = await service.renew_code(session, vault=resources.vault, doer=_proxy(citizen), card_id=card_id)
    response.headers["Cache-Control"] = "no-store"
    return PrintedCardOut.of(printed)


@router.post("/{card_id}/handover", status_code=201, summary="交给本人 · Hand the account over to the holder")
async def hand_over_family_card(
    card_id: uuid.UUID, citizen: LiveCitizen, session: Session, response: Response
) -> CardCodeOut:
    """本人用自己的微信扫码接收，15 分钟内有效。The holder scans it with an own WeChat within 15 minutes."""
    code = await service.issue_code(session, doer=_proxy(citizen), card_id=card_id, purpose="handover")
    response.headers["Cache-Control"] = "no-store"
    return CardCodeOut.of(code)


@router.get("/{card_id}/events", summary="亲情卡的办理记录 · Acts on a family card, newest first")
async def list_family_card_events(
    card_id: uuid.UUID, citizen: Citizen, session: Session, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[CardEventOut]:
    rows = await service.list_events(
        session, user_id=citizen.user_id, card_id=card_id, before=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page[CardEventOut].of(rows, limit, item=CardEventOut.of, cursor=lambda row: (row.event_id,))


@router.get("/{card_id}/bindings", summary="亲情卡的绑定 · Bindings of a family card")
async def list_family_card_bindings(
    card_id: uuid.UUID, citizen: Citizen, session: Session, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[BindingOut]:
    rows = await binding.list_bindings(
        session, user_id=citizen.user_id, card_id=card_id, before=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page[BindingOut].of(rows, limit, item=BindingOut.of, cursor=lambda row: (row.binding_id,))


@router.post("/{card_id}/bindings", status_code=201, summary="给亲情卡绑定合作方 · Bind a family card to a partner")
async def bind_family_card(
    card_id: uuid.UUID, body: CardBindingIn, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> BindingOut:
    """合作方须支持按碳账户号绑定。The partner must support the mode `account_no`."""
    partner = await resources.partners.get_partner(body.partner_id)  # before the first statement
    bindings.require_mode(partner, Mode.ACCOUNT_NO)
    found = await binding.bind_card(
        session, resources=resources, doer=_proxy(citizen), card_id=card_id, partner_id=body.partner_id
    )
    return BindingOut.of(found)


@router.delete(
    "/{card_id}/bindings/{binding_id}", status_code=204, summary="解除亲情卡的绑定 · End a binding of a card"
)
async def unbind_family_card(
    card_id: uuid.UUID, binding_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> None:
    await binding.unbind_card(
        session, settings=resources.settings, doer=_proxy(citizen), card_id=card_id, binding_id=binding_id
    )


@router.delete("/{card_id}", status_code=204, summary="停用亲情卡 · End a family card")
async def end_family_card(
    card_id: uuid.UUID, citizen: LiveCitizen, session: Session, resources: RequestResources
) -> None:
    """码和绑定立即失效；账户里的减碳量保留，可在窗口交给本人。

    The code and the bindings end at once. The account keeps its grams, and a window can hand it over.
    """
    await service.end_card(session, settings=resources.settings, doer=_proxy(citizen), card_id=card_id)
