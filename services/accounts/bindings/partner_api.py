"""The one route that partners call. Order of checks: signature over the raw bytes, nonce, body."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from services.accounts.bindings import tokens
from services.accounts.bindings.schemas import PartnerBindingIn, PartnerBindingOut
from services.accounts.partners.domain import VerifiedSigner
from services.accounts.partners.errors import PartnerSignatureInvalid
from services.accounts.resources import RequestResources
from shared.auth import cp1, schemes
from shared.client_address import client_address
from shared.db import Session
from shared.json_keys import refuse_repeated_keys
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
# A CP1 header is well under 1 KiB. A longer one cannot be valid, so ingest is not called for it.
_AUTHORIZATION_CHARS_MAX = 2048


async def _verified_signer(
    request: Request, resources: RequestResources, _documented: Annotated[Any, Depends(schemes.CP1)]
) -> VerifiedSigner:
    """Verify the signature at ingest and commit the nonce. Raises the refusals of `partners/errors.py`."""
    body = await request.body()
    authorization = request.headers.get("authorization", "")
    if not cp1.is_cp1(authorization) or len(authorization) > _AUTHORIZATION_CHARS_MAX:
        raise PartnerSignatureInvalid(extensions={"reason_code": "SIGNATURE_MISSING"})
    signer = await resources.ingest.verify_signature(
        method=request.method,
        target=cp1.target_of(request.scope),
        authorization=authorization,
        body=body,
        address=client_address(request, resources.settings.trusted_proxies),
    )
    async with resources.database.transaction() as nonce_session:
        await tokens.record_nonce(nonce_session, signer=signer)
    return signer


SignedBy = Annotated[VerifiedSigner, Depends(_verified_signer)]


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
    signer: Annotated[VerifiedSigner, Depends(_verified_signer)],
    session: Session,
    resources: RequestResources,
    response: Response,
) -> PartnerBindingOut:
    confirmation = _parse(await request.body())
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


def _parse(body: bytes) -> PartnerBindingIn:
    refuse_repeated_keys(body)
    try:
        return PartnerBindingIn.model_validate_json(body)
    except ValidationError as exc:
        issues = [{**issue, "loc": ("body", *issue["loc"])} for issue in exc.errors(include_input=False)]
        raise RequestValidationError(issues) from None
