"""Routes of webhooks and deliveries: a partner's own address, its log and replay; all addresses for operators."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.ingest.audit import service as audit
from services.ingest.deliveries import service
from services.ingest.deliveries.schemas import (
    Delivery,
    DeliveryDetail,
    Endpoint,
    EndpointRequest,
    OpsEndpointRequest,
    OpsReason,
    Queued,
    RangeRequest,
    Replayed,
    RotationRequest,
)
from services.ingest.sealing import SecretSealer
from services.ingest.settings import CurrentSettings
from services.ingest.signed import Callers, SignedBy
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.errors import NotFound
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

PREFIX = "/api/v1/ingest"


router = APIRouter(prefix=PREFIX, tags=["回执推送 Receipts out"])
operators = APIRouter(prefix=f"{PREFIX}/ops/webhooks", tags=["运营 Operators"])

DeliveryState = Annotated[Literal["pending", "delivered", "exhausted"] | None, Query(alias="status")]
PartnerOperator = Annotated[Operator, Depends(require_scope("ops:partners"))]


@router.put("/webhook", summary="登记回执接收地址 · Register the address results are sent to")
async def put_webhook(
    body: EndpointRequest, caller: SignedBy, session: Session, sealer: SecretSealer, settings: CurrentSettings
) -> Endpoint:
    """新建时返回一次密钥（`whsec_…`）；再次登记只换地址并恢复推送。

    停用期间的结果会补发。Parked results are sent only with `parked: true`.

    The secret is shown once, when the address is new. Registering again changes the address, resumes sending, and
    sends what was missed while the address was disabled.
    """
    row, secret = await service.register_endpoint(
        session,
        partner_id=caller.partner.partner_id,
        url=body.url,
        parked=body.parked,
        changed_by=caller.app_key,
        sealer=sealer,
        allow_loopback=settings.webhook_allow_loopback,
    )
    return Endpoint.of(row, secret)


@router.get("/webhook", summary="查看回执接收地址 · The registered address and its health")
async def get_webhook(caller: SignedBy, session: Session) -> Endpoint:
    return Endpoint.of(await service.get_endpoint(session, partner_id=caller.partner.partner_id))


@router.delete("/webhook", summary="停用回执推送 · Stop sending results")
async def delete_webhook(caller: SignedBy, session: Session) -> Endpoint:
    row = await service.disable_endpoint(
        session, partner_id=caller.partner.partner_id, reason="PARTNER", changed_by=caller.app_key
    )
    return Endpoint.of(row)


@router.post("/webhook:rotate-secret", summary="轮换回执密钥 · Rotate the webhook secret")
async def rotate_webhook_secret(
    body: RotationRequest, caller: SignedBy, session: Session, sealer: SecretSealer
) -> Endpoint:
    """重叠期内每次推送带新旧两个签名，不能再轮换；密钥泄露时用 `overlap_s: 0` 立即作废全部旧密钥。

    While both are valid every delivery carries both signatures, and another rotation is refused. After a leak
    `overlap_s: 0` ends all old secrets at once.
    """
    row, secret = await service.rotate_secret(
        session,
        partner_id=caller.partner.partner_id,
        overlap_s=body.overlap_s,
        changed_by=caller.app_key,
        sealer=sealer,
    )
    return Endpoint.of(row, secret)


@router.post("/webhook:ping", status_code=202, summary="发送一条测试推送 · Send a test delivery")
async def ping_webhook(caller: SignedBy, session: Session) -> Queued:
    return Queued(delivery_id=await service.queue_ping(session, partner_id=caller.partner.partner_id))


@router.get("/deliveries", summary="推送记录 · Deliveries, newest first")
async def list_deliveries(
    caller: SignedBy,
    session: Session,
    status: DeliveryState = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[Delivery]:
    """保留 30 天。Kept for 30 days."""
    rows = await service.list_deliveries(
        session,
        partner_id=caller.partner.partner_id,
        status=status,
        before=position_of(cursor, UUID),
        limit=limit + 1,
    )
    return Page.of(rows, limit, item=Delivery.of, cursor=lambda row: (row["delivery_id"],))


@router.get("/deliveries/{delivery_id}", summary="一条推送及其每次尝试 · A delivery and its attempts")
async def get_delivery(delivery_id: UUID, caller: SignedBy, session: Session) -> DeliveryDetail:
    row, attempts = await service.get_delivery(session, partner_id=caller.partner.partner_id, delivery_id=delivery_id)
    return DeliveryDetail.with_attempts(row, attempts)


@router.post("/deliveries:replay", status_code=202, summary="按时间范围重发 · Replay a range")
async def replay_deliveries(body: RangeRequest, caller: SignedBy, session: Session) -> Replayed:
    """同一 webhook-id、同一内容。Under the same webhook-ids, with the same content; at most 1,000 at once."""
    count = await service.replay_range(
        session,
        partner_id=caller.partner.partner_id,
        start=body.created_from,
        end=body.created_before,
        status=body.status,
    )
    return Replayed(replayed=count)


@router.post("/deliveries/{delivery_id}:replay", status_code=202, summary="重发一条 · Replay one")
async def replay_delivery(delivery_id: UUID, caller: SignedBy, session: Session) -> Queued:
    await service.replay_delivery(session, partner_id=caller.partner.partner_id, delivery_id=delivery_id)
    return Queued(delivery_id=delivery_id)


@operators.get(
    "", summary="全部回执接收地址 · All webhook addresses", dependencies=[Depends(require_scope("ops:read"))]
)
async def list_webhooks(
    session: Session,
    status: Annotated[Literal["active", "disabled"] | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[Endpoint]:
    """长期失败而停用的地址在此可见。Shows which were disabled, and why."""
    rows = await service.list_endpoints(session, status=status, after=position_of(cursor, str), limit=limit + 1)
    return Page.of(rows, limit, item=Endpoint.of, cursor=lambda row: (row["partner_id"],))


@operators.put("/{partner_id}", summary="代合作方登记地址 · Register an address for a partner")
async def put_partner_webhook(
    partner_id: str,
    body: OpsEndpointRequest,
    operator: PartnerOperator,
    session: Session,
    callers: Callers,
    sealer: SecretSealer,
    settings: CurrentSettings,
) -> Endpoint:
    if not callers.checks.registry.has_partner(partner_id):
        raise NotFound
    before = await service.find_endpoint(session, partner_id=partner_id)
    row, secret = await service.register_endpoint(
        session,
        partner_id=partner_id,
        url=body.url,
        parked=body.parked,
        changed_by=operator.subject,
        sealer=sealer,
        allow_loopback=settings.webhook_allow_loopback,
    )
    await audit.record(
        session,
        subject=operator.subject,
        action="webhook.registered",
        about=f"partner/{partner_id}",
        reason=body.reason,
        before={"url": before["url"]} if before is not None else None,
        after={"url": row["url"]},
    )
    return Endpoint.of(row, secret)


@operators.post("/{partner_id}:disable", summary="停用 · Disable")
async def disable_partner_webhook(
    partner_id: str, body: OpsReason, operator: PartnerOperator, session: Session
) -> Endpoint:
    row = await service.disable_endpoint(session, partner_id=partner_id, reason="OPERATOR", changed_by=operator.subject)
    await audit.record(
        session,
        subject=operator.subject,
        action="webhook.disabled",
        about=f"partner/{partner_id}",
        reason=body.reason,
        after={"url": row["url"]},
    )
    return Endpoint.of(row)
