"""The route on which citizens declare an act."""

from fastapi import APIRouter, Request, Response

from services.accounting.claims import service
from services.accounting.claims.schemas import ClaimRequest, Evidence
from services.accounting.explaining.schemas import ActivityItem
from services.accounting.explaining.views import activity_item_fields
from services.accounting.methodologies.dependencies import Index
from services.accounting.posting import history
from services.accounting.posting.closing import Programme
from shared import idempotency
from shared.auth.tokens import Citizen
from shared.contracts import topics
from shared.db import Session
from shared.errors import IdempotencyKeyMissing
from shared.http_language import AskedLanguage
from shared.settings import ServiceSettings

router = APIRouter(prefix="/api/v1/accounting", tags=["减碳记录 Activities"])


@router.post("/me/claims", status_code=201, summary="自行申报 · Declare an act yourself")
async def claim_act(
    session: Session,
    citizen: Citizen,
    request: Request,
    response: Response,
    index: Index,
    language: AskedLanguage,
    body: ClaimRequest,
    key: idempotency.OptionalKey,
) -> ActivityItem:
    """方法学允许自行申报的场景（自备购物袋）。当场核算，上限与其他途径合计；半小时内收银台已确认的同一次购物不重复累计。
    同一标识重复提交只算一次。For scenes whose methodology accepts declarations (own shopping bag). The act is judged at
    once, under the same caps as reported acts. A purchase that a till reports within half an hour counts once. A
    repeated request id takes effect once."""
    request_id = key.value if key else body.client_request_id
    if request_id is None:
        raise IdempotencyKeyMissing
    settings: ServiceSettings = request.app.state.settings
    evidence = body.evidence or Evidence()
    activity_id, replayed = await service.declare_act(
        session,
        account_id=citizen.account_id,
        claim=service.Claim(
            scene=body.scene,
            count=body.count,
            city_code=body.city_code,
            receipt_no=evidence.receipt_no,
            photo_sha256=evidence.photo_sha256,
        ),
        request_id=request_id,
        programme=Programme(index, settings.time_zone, settings.topic_prefix + topics.OUTCOMES),
    )
    if replayed:
        response.headers[idempotency.REPLAYED_HEADER] = "true"
    row = await history.get_activity(session, account_id=citizen.account_id, activity_id=activity_id)
    return ActivityItem(**activity_item_fields(row, index, language))
