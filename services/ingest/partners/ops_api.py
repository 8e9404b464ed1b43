"""Routes by which operators manage partners and keys. A change takes effect in every process at once."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from services.ingest.partners import administration
from services.ingest.partners.ops_schemas import IssuedKey, KeyView, PartnerView
from services.ingest.partners.terms import KeyTimes, NewKey, NewPartner, PartnerTerms, Reasoned
from services.ingest.sealing import SecretSealer
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/ingest/ops/partners", tags=["运营 Operators"])

Reader = Annotated[Operator, Depends(require_scope("ops:read"))]
Manager = Annotated[Operator, Depends(require_scope("ops:partners"))]
PartnerId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
AppKey = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


@router.get("", summary="合作方列表 · Partners")
async def list_partners(
    session: Session, _: Reader, cursor: Cursor = None, limit: Limit = LIMIT_DEFAULT
) -> Page[PartnerView]:
    views = await administration.list_partners(session, after=position_of(cursor, str) or "", limit=limit + 1)
    return Page.of(views, limit, item=PartnerView.model_validate, cursor=lambda view: (view["partner_id"],))


@router.post("", status_code=201, summary="登记合作方 · Register a partner")
async def create_partner(body: NewPartner, session: Session, operator: Manager, sealer: SecretSealer) -> PartnerView:
    view = await administration.create_partner(session, sealer, operator.subject, body)
    return PartnerView.model_validate(view)


@router.get("/{partner_id}", summary="一个合作方 · One partner")
async def get_partner(partner_id: PartnerId, session: Session, _: Reader) -> PartnerView:
    return PartnerView.model_validate(await administration.get_partner(session, partner_id))


@router.put("/{partner_id}", summary="变更合作方 · Change a partner's terms")
async def update_partner(
    partner_id: PartnerId, body: PartnerTerms, session: Session, operator: Manager, sealer: SecretSealer
) -> PartnerView:
    view = await administration.change_partner(session, sealer, operator.subject, partner_id, body)
    return PartnerView.model_validate(view)


@router.post("/{partner_id}/suspend", summary="暂停合作方 · Suspend a partner")
async def suspend_partner(partner_id: PartnerId, body: Reasoned, session: Session, operator: Manager) -> PartnerView:
    """签名照常验证，请求一律 403。Its signatures are checked as before, its requests get 403 PARTNER_SUSPENDED."""
    view = await administration.set_status(session, operator.subject, partner_id, "suspended", body.reason)
    return PartnerView.model_validate(view)


@router.post("/{partner_id}/resume", summary="恢复合作方 · Resume a partner")
async def resume_partner(partner_id: PartnerId, body: Reasoned, session: Session, operator: Manager) -> PartnerView:
    view = await administration.set_status(session, operator.subject, partner_id, "active", body.reason)
    return PartnerView.model_validate(view)


@router.post("/{partner_id}/keys", status_code=201, summary="签发或登记密钥 · Issue or register a key")
async def issue_key(
    partner_id: PartnerId, body: NewKey, session: Session, operator: Manager, sealer: SecretSealer
) -> IssuedKey:
    """同一环境最多两把有效密钥：先签发新密钥，再给旧密钥设置截止时间。

    At most two live keys in one environment: issue the successor first, then set the end of the one in use.
    """
    view = await administration.issue_key(session, sealer, operator.subject, partner_id, body)
    return IssuedKey.model_validate(view)


@router.put("/{partner_id}/keys/{app_key}", summary="设置密钥有效期 · Set the validity of a key")
async def set_key_times(
    partner_id: PartnerId, app_key: AppKey, body: KeyTimes, session: Session, operator: Manager
) -> KeyView:
    return KeyView.model_validate(
        await administration.set_key_times(session, operator.subject, partner_id, app_key, body)
    )


@router.post("/{partner_id}/keys/{app_key}/revoke", summary="立即吊销密钥 · Revoke a key at once")
async def revoke_key(
    partner_id: PartnerId, app_key: AppKey, body: Reasoned, session: Session, operator: Manager
) -> KeyView:
    return KeyView.model_validate(
        await administration.revoke_key(session, operator.subject, partner_id, app_key, body.reason)
    )
