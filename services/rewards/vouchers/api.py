"""Routes of vouchers."""

import uuid
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from services.rewards.merchants import service as merchants
from services.rewards.sentences import voucher_rules
from services.rewards.slugs import SlugPath
from services.rewards.vouchers import using
from services.rewards.vouchers.domain import VoucherStatus
from services.rewards.vouchers.schemas import TermsRequest, TermsView, VoucherLine, VoucherRules, VoucherView
from services.rewards.vouchers.using import Voucher
from shared.auth.tokens import Citizen, Operator, require_scope
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.language import Text
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, decode_cursor

router = APIRouter(prefix="/api/v1/rewards", tags=["商城 Mall"])

RewardsOperator = Annotated[Operator, Depends(require_scope("ops:rewards"))]


@router.get("/voucher-rules", summary="券的规则 · The rule of vouchers")
async def get_voucher_rules(language: AskedLanguage) -> VoucherRules:
    return VoucherRules(
        version=voucher_rules.VERSION,
        in_force_from=voucher_rules.IN_FORCE_FROM,
        text=voucher_rules.RULE.pick(language),
    )


@router.get("/me/vouchers", summary="我的券 · My vouchers")
async def list_my_vouchers(
    session: Session,
    citizen: Citizen,
    language: AskedLanguage,
    status: Annotated[VoucherStatus | None, Query(description="只看某一状态 Only of this status")] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[VoucherLine]:
    """含用过、过期与退回的；券码在单张券里。Also used, expired and given back ones. The code is in the single one."""
    before = decode_cursor(cursor, uuid.UUID, int)
    found = await using.list_own_vouchers(
        session,
        user_id=citizen.user_id,
        status=status,
        before=None if before is None else (before[0], min(before[1], 32_767)),
        limit=limit + 1,
    )
    view = partial(VoucherLine.of, shops=await _shops(session, found), language=language)
    return Page.of(found, limit, item=view, cursor=lambda one: (one.order_id, one.order_line))


@router.get(
    "/me/vouchers/{voucher_id}", summary="我的券：券码与动态二维码 · One of my vouchers, with its changing QR code"
)
async def get_voucher(
    session: Session,
    citizen: Citizen,
    request: Request,
    response: Response,
    language: AskedLanguage,
    voucher_id: uuid.UUID,
) -> VoucherView:
    """二维码每 30 秒变化一次，到 changes_at 再取。The QR code changes every 30 s: ask again at changes_at."""
    response.headers["Cache-Control"] = "no-store"
    found = await using.get_own_voucher(
        session, sealer=request.app.state.sealer, voucher_id=voucher_id, user_id=citizen.user_id
    )
    return VoucherView.of(found, shops=await _shops(session, [found]), language=language)


async def _shops(session: Session, vouchers: list[Voucher]) -> dict[str, Text]:
    used = {one.used_shop_id for one in vouchers if one.used_shop_id is not None}
    return await merchants.shop_names(session, shop_ids=used) if used else {}


@router.get("/ops/items/{item_id}/voucher-terms", tags=["运营 Operations"], summary="券的有效期 · Validity of vouchers")
async def get_voucher_terms(session: Session, _operator: RewardsOperator, item_id: SlugPath) -> TermsView:
    return TermsView.of(item_id, await using.get_terms(session, item_id=item_id))


@router.put(
    "/ops/items/{item_id}/voucher-terms",
    tags=["运营 Operations"],
    summary="设定券的有效期 · Set the validity of vouchers",
)
async def set_voucher_terms(
    session: Session, operator: RewardsOperator, item_id: SlugPath, body: TermsRequest
) -> TermsView:
    """只影响此后发出的券。Only of vouchers assigned from now on."""
    await using.set_terms(session, item_id=item_id, terms=body.terms, operator=operator.subject, reason=body.reason)
    return TermsView.of(item_id, await using.get_terms(session, item_id=item_id))
