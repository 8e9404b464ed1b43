"""Operators' routes of merchants, and where citizens see the shops of an item."""

import uuid
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from services.rewards.merchants import credentials, service
from services.rewards.merchants.domain import APP_KEY_PATTERN, KINDS
from services.rewards.merchants.schemas import (
    EnrolmentRequest,
    EnrolmentView,
    KeyRequest,
    KeyView,
    MerchantDetail,
    MerchantProposal,
    MerchantReason,
    MerchantRequest,
    MerchantView,
    NewKeyView,
    ShopRequest,
    ShopView,
    TillView,
)
from services.rewards.qr_svg import qr_svg
from services.rewards.slugs import SlugPath, slug
from shared.approvals import RequestApprovals
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.http_language import AskedLanguage
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

public_router = APIRouter(prefix="/api/v1/rewards", tags=["商城 Mall"])
router = APIRouter(prefix="/api/v1/rewards/ops", tags=["商家 Merchants"])

MerchantsOperator = Annotated[Operator, Depends(require_scope(service.SCOPE))]
AppKeyPath = Annotated[str, Path(pattern=APP_KEY_PATTERN)]
_TILLS_SHOWN = 500


@public_router.get("/items/{item_id}/shops", summary="可用门店 · Shops that take vouchers of an item")
async def list_item_shops(
    session: Session, language: AskedLanguage, item_id: SlugPath, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[ShopView]:
    """商品未指定门店时，为全部营业门店。All open shops if the item names none."""
    found = await service.list_item_shops(session, item_id=item_id, after=position_of(cursor, slug), limit=limit + 1)
    view = partial(ShopView.of, language=language)
    return Page.of(found, limit, item=view, cursor=lambda shop: (shop.shop_id,))


@router.post("/merchants", status_code=202, summary="提议登记商家 · Propose to register a merchant")
async def propose_merchant(
    session: Session, approvals: RequestApprovals, operator: MerchantsOperator, body: MerchantRequest
) -> MerchantProposal:
    """由另一人批准后生效。A second person approves."""
    return MerchantProposal.of(
        await service.propose_merchant(
            session,
            approvals,
            merchant_id=body.merchant_id,
            name=body.names,
            operator=operator,
            reason=body.reason,
        )
    )


@router.get("/merchants", summary="商家列表 · Merchants")
async def list_merchants(
    session: Session,
    _operator: MerchantsOperator,
    language: AskedLanguage,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[MerchantView]:
    found = await service.list_merchants(session, after=position_of(cursor, slug), limit=limit + 1)
    view = partial(MerchantView.of, language=language)
    return Page.of(found, limit, item=view, cursor=lambda one: (one.merchant_id,))


@router.get("/merchants/{merchant_id}", summary="商家、门店、收银台与密钥 · A merchant with shops, tills and keys")
async def get_merchant(
    session: Session, _operator: MerchantsOperator, language: AskedLanguage, merchant_id: SlugPath
) -> MerchantDetail:
    merchant = await service.get_merchant(session, merchant_id=merchant_id)
    shops = await service.list_shops(session, merchant_id=merchant_id)
    tills = await credentials.list_tills(session, shop_ids=[one.shop_id for one in shops], limit=_TILLS_SHOWN)
    keys = await credentials.list_keys(session, merchant_id=merchant_id)
    return MerchantDetail(
        merchant=MerchantView.of(merchant, language=language),
        shops=[ShopView.of(one, language=language) for one in shops],
        keys=[KeyView.model_validate(one) for one in keys],
        tills=[TillView.model_validate(one) for one in tills],
    )


@router.post("/merchants/{merchant_id}/suspend", summary="暂停商家 · Suspend a merchant")
async def suspend_merchant(
    session: Session, operator: MerchantsOperator, language: AskedLanguage, merchant_id: SlugPath, body: MerchantReason
) -> MerchantView:
    """立即停用其收银台与密钥。Its tills and keys are refused at once."""
    merchant = await service.suspend(session, merchant_id=merchant_id, operator=operator.subject, reason=body.reason)
    return MerchantView.of(merchant, language=language)


@router.post("/merchants/{merchant_id}/resume", status_code=202, summary="提议恢复商家 · Propose to resume a merchant")
async def resume_merchant(
    session: Session,
    approvals: RequestApprovals,
    operator: MerchantsOperator,
    merchant_id: SlugPath,
    body: MerchantReason,
) -> MerchantProposal:
    return MerchantProposal.of(
        await service.propose_resumption(
            session, approvals, merchant_id=merchant_id, operator=operator, reason=body.reason
        )
    )


@router.post("/merchants/{merchant_id}/keys", status_code=202, summary="提议发放密钥 · Propose a key")
async def propose_merchant_key(
    request: Request,
    response: Response,
    session: Session,
    approvals: RequestApprovals,
    operator: MerchantsOperator,
    merchant_id: SlugPath,
    body: KeyRequest,
) -> NewKeyView:
    """HMAC 密钥只显示一次；由另一人批准后生效。The secret of an HMAC key is shown once. A second person approves."""
    response.headers["Cache-Control"] = "no-store"
    new = await credentials.propose_key(
        session,
        approvals,
        sealer=request.app.state.merchant_sealer,
        merchant_id=merchant_id,
        algorithm=body.algorithm,
        public_key=body.public_key,
        operator=operator,
        reason=body.reason,
    )
    return NewKeyView.of(new)


@router.post("/merchants/{merchant_id}/keys/{app_key}/revoke", status_code=204, summary="吊销密钥 · Revoke a key")
async def revoke_merchant_key(
    session: Session, operator: MerchantsOperator, merchant_id: SlugPath, app_key: AppKeyPath, body: MerchantReason
) -> None:
    await credentials.revoke_key(
        session, merchant_id=merchant_id, app_key=app_key, operator=operator.subject, reason=body.reason
    )


@router.post("/merchants/{merchant_id}/shops", status_code=201, summary="新增门店 · Open a shop")
async def open_shop(
    session: Session, operator: MerchantsOperator, language: AskedLanguage, merchant_id: SlugPath, body: ShopRequest
) -> ShopView:
    shop = await service.open_shop(
        session,
        merchant_id=merchant_id,
        shop_id=body.shop_id,
        name=body.names,
        address=body.address,
        operator=operator.subject,
        reason=body.reason,
    )
    return ShopView.of(shop, language=language)


@router.post("/shops/{shop_id}/close", summary="关闭门店 · Close a shop for good")
async def close_shop(
    session: Session, operator: MerchantsOperator, language: AskedLanguage, shop_id: SlugPath, body: MerchantReason
) -> ShopView:
    shop = await service.close_shop(session, shop_id=shop_id, operator=operator.subject, reason=body.reason)
    return ShopView.of(shop, language=language)


@router.post(
    "/shops/{shop_id}/till-enrolments", status_code=201, summary="登记收银台的二维码 · A QR code that enrols a till"
)
async def ask_till_enrolment(
    session: Session, response: Response, operator: MerchantsOperator, shop_id: SlugPath, body: EnrolmentRequest
) -> EnrolmentView:
    """一次有效，10 分钟内使用。It works once, within 10 minutes."""
    response.headers["Cache-Control"] = "no-store"
    enrolment = await credentials.ask_enrolment(
        session, shop_id=shop_id, name=body.name, asked_by=operator.subject, reason=body.reason
    )
    return EnrolmentView.of(enrolment, qr_svg=qr_svg(enrolment.code))


@router.post("/tills/{till_id}/revoke", status_code=204, summary="停用收银台 · Revoke a till")
async def revoke_till(session: Session, operator: MerchantsOperator, till_id: uuid.UUID, body: MerchantReason) -> None:
    await credentials.revoke_till(session, till_id=till_id, operator=operator.subject, reason=body.reason)


@router.get("/merchant-proposals", summary="商家提案 · Proposals about merchants")
async def list_merchant_proposals(
    session: Session,
    approvals: RequestApprovals,
    _operator: MerchantsOperator,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[MerchantProposal]:
    rows = await approvals.newest(
        session, kinds=KINDS, statuses=None, before=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(rows, limit, item=MerchantProposal.of, cursor=lambda row: (row.proposal_id,))


@router.post("/merchant-proposals/{proposal_id}/approve", summary="批准 · Approve, by a second person")
async def approve_merchant_proposal(
    session: Session,
    approvals: RequestApprovals,
    operator: MerchantsOperator,
    proposal_id: uuid.UUID,
    body: MerchantReason | None = None,
) -> MerchantProposal:
    reason = body.reason if body is not None else None
    return MerchantProposal.of(
        await approvals.approve(session, proposal_id=proposal_id, kinds=KINDS, operator=operator, reason=reason)
    )


@router.post("/merchant-proposals/{proposal_id}/reject", summary="驳回或撤回 · Reject or withdraw")
async def reject_merchant_proposal(
    session: Session,
    approvals: RequestApprovals,
    operator: MerchantsOperator,
    proposal_id: uuid.UUID,
    body: MerchantReason | None = None,
) -> MerchantProposal:
    reason = body.reason if body is not None else None
    return MerchantProposal.of(
        await approvals.reject_or_withdraw(
            session, proposal_id=proposal_id, kinds=KINDS, operator=operator, reason=reason
        )
    )
