"""Routes of tills without a line: what they need to know before, what they report afterwards."""

import base64
import json
import uuid
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from services.rewards.catalogue import service as catalogue
from services.rewards.database import SCHEMA
from services.rewards.merchants import service as merchants
from services.rewards.merchants.callers import CallingMerchant
from services.rewards.offline_reports import service
from services.rewards.offline_reports.domain import ReportOutcome
from services.rewards.offline_reports.schemas import (
    OfflineReport,
    ReportResult,
    ReportResults,
    ReportView,
    SigningKey,
    TillSettings,
)
from services.rewards.offline_reports.service import Accepted
from services.rewards.redemptions import service as redemptions
from services.rewards.slugs import SLUG_PATTERN
from services.rewards.vouchers.sealing import CodeSealer
from shared import clock, idempotency
from shared.auth.tokens import Operator, require_scope
from shared.db import Session
from shared.idempotency import REPLAYED_HEADER, RequiredKey
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit, Page, position_of

router = APIRouter(prefix="/api/v1/rewards/merchant", tags=["收银台 Tills"])
ops_router = APIRouter(prefix="/api/v1/rewards/ops", tags=["商家 Merchants"])

MerchantsOperator = Annotated[Operator, Depends(require_scope(merchants.SCOPE))]
_ROUTE: Final = "/api/v1/rewards/merchant/vouchers/offline-reports"


@router.get("/till", summary="收银台设置 · What a till needs to work without a line")
async def get_till(session: Session, request: Request, caller: CallingMerchant) -> TillSettings:
    """断网时用公钥验证二维码的签名。Without a line, the signature of a QR code is checked with these public keys."""
    sealer: CodeSealer = request.app.state.sealer
    shop_id = caller.shop_id
    items = await catalogue.list_items_of_shop(session, shop_id=shop_id) if shop_id is not None else []
    return TillSettings(
        merchant_id=caller.merchant_id,
        shop_id=shop_id,
        item_ids=list(items),
        signing_keys=[
            SigningKey(version=version, public_key=base64.b64encode(key).decode())
            for version, key in sealer.public_keys().items()
        ],
        server_time=clock.now(),
    )


@router.post("/vouchers/offline-reports", summary="补报断网期间收的券 · Report what was accepted without a line")
async def report_offline(
    session: Session,
    request: Request,
    response: Response,
    caller: CallingMerchant,
    key: RequiredKey,
    body: OfflineReport,
) -> ReportResults:
    """先到先算：后到的重复使用列为异议。The use recorded first stands; a later one of the same voucher is a dispute."""
    place = await redemptions.place_of(session, caller=caller, shop_id=body.shop_id, till_ref=body.till_ref)
    known = await idempotency.begin(session, schema=SCHEMA, subject=place.actor, route=_ROUTE, key=key)
    if known is not None:
        response.headers[REPLAYED_HEADER] = "true"
        return ReportResults.model_validate(known.body)
    rows = await service.report(
        session,
        sealer=request.app.state.sealer,
        place=place,
        line_lost_at=body.line_lost_at,
        accepted=[Accepted(one.report_id, one.qr, one.accepted_at) for one in body.accepted],
    )
    results = ReportResults(results=[ReportResult.of(row) for row in rows])
    stored = json.dumps(results.model_dump(mode="json"))
    await idempotency.finish(
        session, schema=SCHEMA, subject=place.actor, route=_ROUTE, key=key, status=200, body_json=stored
    )
    return results


@ops_router.get("/offline-reports", summary="断网补报 · What tills accepted without a line")
async def list_offline_reports(
    session: Session,
    _operator: MerchantsOperator,
    shop_id: Annotated[str | None, Query(pattern=SLUG_PATTERN)] = None,
    outcome: ReportOutcome | None = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> Page[ReportView]:
    rows = await service.list_reports(
        session, shop_id=shop_id, outcome=outcome, before=position_of(cursor, uuid.UUID), limit=limit + 1
    )
    return Page.of(rows, limit, item=ReportView.of, cursor=lambda row: (row.entry_id,))
