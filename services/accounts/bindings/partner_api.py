"""The one route that partners call. Order of checks: signature over the raw bytes, nonce, body."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from services.accounts.bindings import tokens
from services.accounts.bindings.schemas import PartnerBindingIn, PartnerBindingOut
from services.accounts.bindings.signed import SignedBy, read_signed
from services.accounts.resources import RequestResources
from shared.db import Session
from shared.query_parameters import accept_any_parameters

router = APIRouter(prefix="/api/v1/accounts", tags=["合作方 Partners"])

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": PartnerBindingIn.model_json_schema()}},
    }
}
_SAME_AGAIN: dict[int | str, dict[str, Any]] = {
    200: {"model": PartnerBindingOut, "description": "重复确认，同一绑定 Confirmed before: the same binding"}
}


@router.post(
    "/partner/bindings",
    status_code=201,
    responses=_SAME_AGAIN,
    openapi_extra=_BODY,
    dependencies=[Depends(accept_any_parameters)],  # machines sign addresses with a query of their own
    summary="合作方确认绑定码（CP1 签名） · A partner confirms a token (CP1 signature)",
)
async def confirm_binding(
    request: Request,
    signer: SignedBy,
    session: Session,
    resources: RequestResources,
    response: Response,
) -> PartnerBindingOut:
    confirmation = read_signed(PartnerBindingIn, await request.body())
    result = await tokens.confirm_token(
        session,
        settings=resources.settings,
        partners=resources.partners,
        partner_id=signer.partner_id,
        token=confirmation.token,
        partner_account=confirmation.partner_account,
    )
    if not result.is_new:
        response.status_code = 200
    return PartnerBindingOut.of(result.binding)
