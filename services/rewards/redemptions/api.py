"""Routes of tills and of merchants' systems, and the operators' list of redemptions."""

import json
import uuid
from datetime import date
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from services.rewards.database import SCHEMA
from services.rewards.merchants import credentials
from services.rewards.merchants import service as merchants
from services.rewards.merchants.callers import CallingMerchant, EnrolmentCode, SigningMerchant
from services.rewards.merchants.schemas import EnrolmentView, NewTillView, OwnEnrolmentRequest
from services.rewards.qr_svg import qr_svg
from services.rewards.redemptions import service
from services.rewards.redemptions.domain import actor_of
from services.rewards.redemptions.schemas import CheckView, PresentedVoucher, RedemptionView, UndoRequest
from services.rewards.slugs import SLUG_PATTERN
from shared import idempotency
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.idempotency import REPLAYED_HEADER, Key, RequiredKey, StoredAnswer
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards/merchant", tags=["收银台 Tills"])
ops_router = APIRouter(prefix="/api/v1/rewards/ops", tags=["商家 Merchants"])

MerchantsOperator = Annotated[Operator, Depends(require_scope(merchants.SCOPE))]
_REDEEM: Final = "/api/v1/rewards/merchant/vouchers/redeem"
_UNDO: Final = "/api/v1/rewards/merchant/vouchers/undo"


@router.post(
    "/till-enrolments", status_code=201, summary="商家登记收银台 · The merchant asks for a QR code that enrols a till"
)
async def ask_own_enrolment(
    session: Session, response: Response, caller: SigningMerchant, body: OwnEnrolmentRequest
) -> EnrolmentView:
    """用商家密钥签名；一次有效，10 分钟内使用。With the merchant's key. It works once, within 10 minutes."""
    response.headers["Cache-Control"] = "no-store"
    enrolment = await credentials.ask_enrolment(
        session,
        shop_id=body.shop_id,
        name=body.name,
        asked_by=caller.subject,
        merchant_id=caller.merchant_id,
    )
    return EnrolmentView.of(enrolment, qr_svg=qr_svg(enrolment.code))


@router.post("/tills", status_code=201, summary="收银台登记 · A till enrols with the code that it scanned")
async def enrol_till(session: Session, response: Response, code: EnrolmentCode) -> NewTillView:
    """登记码放在 Authorization: Bearer；令牌只返回一次。The enrolment code is the bearer; the token is shown once."""
    response.headers["Cache-Control"] = "no-store"
    return NewTillView.of(await credentials.enrol(session, code=code))


@router.post("/vouchers/check", summary="查券 · Look at a voucher without using it")
async def check_voucher(
    session: Session, request: Request, caller: CallingMerchant, language: AskedLanguage, body: PresentedVoucher
) -> CheckView:
    place = await service.place_of(session, caller=caller, shop_id=body.shop_id, till_ref=body.till_ref)
    checked = await service.check(session, sealer=request.app.state.sealer, shown=body.shown, place=place)
    return CheckView.of(checked, language=language)


@router.post(
    "/vouchers/redeem", status_code=201, summary="核销 · Redeem a voucher, once", response_model=RedemptionView
)
async def redeem_voucher(
    session: Session,
    request: Request,
    caller: CallingMerchant,
    language: AskedLanguage,
    key: RequiredKey,
    body: PresentedVoucher,
) -> Response:
    """已用过的券：409 VOUCHER_USED，附时间与门店。A used voucher: 409 VOUCHER_USED, with time and shop."""
    place = await service.place_of(session, caller=caller, shop_id=body.shop_id, till_ref=body.till_ref)
    known = await idempotency.begin(session, schema=SCHEMA, subject=place.actor, route=_REDEEM, key=key)
    if known is not None:
        return _replayed(known)
    redeemed = await service.redeem(session, sealer=request.app.state.sealer, shown=body.shown, place=place)
    view = RedemptionView.of(redeemed, language=language)
    return await _finished(session, place.actor, _REDEEM, key, 201, view)


@router.post("/vouchers/undo", summary="撤销核销 · Undo a redemption within 10 minutes", response_model=RedemptionView)
async def undo_redemption(
    session: Session, caller: CallingMerchant, language: AskedLanguage, key: RequiredKey, body: UndoRequest
) -> Response:
    """仅限原收银台，10 分钟内；券恢复为未使用。Only the same till, within 10 minutes. The voucher is unused again."""
    actor = actor_of(merchant_id=caller.merchant_id, till_id=caller.till_id, till_ref=body.till_ref)
    known = await idempotency.begin(session, schema=SCHEMA, subject=actor, route=_UNDO, key=key)
    if known is not None:
        return _replayed(known)
    undone = await service.undo(
        session, redemption_id=body.redemption_id, place_actor=actor, merchant_id=caller.merchant_id
    )
    return await _finished(session, actor, _UNDO, key, 200, RedemptionView.of(undone, language=language))


def _replayed(known: StoredAnswer) -> Response:
    return Response(
        json.dumps(known.body, ensure_ascii=False),
        status_code=known.status,
        headers={REPLAYED_HEADER: "true"},
        media_type="application/json",
    )


async def _finished(session: Session, subject: str, route: str, key: Key, status: int, view: BaseModel) -> Response:
    """Store the answer with its effect, and answer."""
    body = view.model_dump_json()
    await idempotency.finish(
        session, schema=SCHEMA, subject=subject, route=route, key=key, status=status, body_json=body
    )
    return Response(body, status_code=status, media_type="application/json")


@ops_router.get("/redemptions", summary="核销记录 · Redemptions")
async def list_redemptions(
    session: Session,
    _operator: MerchantsOperator,
    language: AskedLanguage,
    shop_id: Annotated[str | None, Query(pattern=SLUG_PATTERN)] = None,
    day: Annotated[date | None, Query(description="记录日 Local day of the record")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[RedemptionView]:
    found = await service.list_redemptions(
        session, shop_id=shop_id, day=day, before=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    view = partial(RedemptionView.of, language=language)
    return Page.of(found, limit, item=view, cursor=lambda one: (one.redemption_id,))
