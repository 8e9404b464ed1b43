"""The route on which a grid company confirms meters. Order of checks: signature, nonce, partner, body."""

from typing import Any

from fastapi import APIRouter, Depends, Request

from services.accounts.bindings.signed import SignedBy, read_signed
from services.accounts.grid.errors import NotGridCompany
from services.accounts.grid.schemas import MeterDecisionIn, MeterDecisionOut
from services.accounts.households import affairs
from services.accounts.resources import RequestResources
from shared.db import Session
from shared.query_parameters import accept_any_parameters

router = APIRouter(prefix="/api/v1/accounts", tags=["合作方 Partners"])

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": MeterDecisionIn.model_json_schema()}},
    }
}


@router.post(
    "/partner/meters",
    openapi_extra=_BODY,
    dependencies=[Depends(accept_any_parameters)],  # machines sign addresses with a query of their own
    summary="电网公司确认家庭电表（CP1 签名） · The grid company confirms a meter (CP1 signature)",
)
async def decide_meter(
    request: Request, signer: SignedBy, session: Session, resources: RequestResources
) -> MeterDecisionOut:
    """确认后电表归这一家，原来登记的家庭即时失效；可重复。

    From its confirmation on, the meter is this household's and nobody else's. Repeatable.
    """
    if signer.partner_id not in resources.settings.meter_partner_ids:
        raise NotGridCompany
    asked = read_signed(MeterDecisionIn, await request.body())
    await affairs.decide_meter(
        session,
        settings=resources.settings,
        partner_id=signer.partner_id,
        meter_ref=asked.meter_ref,
        account_no=asked.account_no,
        is_confirmed=asked.decision == "confirmed",
    )
    return MeterDecisionOut(account_no=asked.account_no, status=asked.decision)
