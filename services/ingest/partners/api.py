"""Internal routes: the list of partners, and signature checks for requests that other services received."""

import base64
import binascii

from fastapi import APIRouter, Depends

from services.ingest.partners import service
from services.ingest.partners.ports import Checks
from services.ingest.partners.schemas import PartnerList, PartnerRecord, SignedRequest, Signer
from shared import field_sentences
from shared.auth.tokens import require_service
from shared.errors import FieldError, InvalidRequest
from shared.settings import KIB

VERIFY_PATH = "/internal/ingest/verify-signature"
VERIFY_BODY_BYTES = 128 * KIB

_accounts = Depends(require_service("ingest", callers={"accounts"}))
router = APIRouter(prefix="/internal/ingest", include_in_schema=False, dependencies=[_accounts])


@router.get("/partners")
async def list_registered_partners(checks: Checks) -> PartnerList:
    return PartnerList(items=[PartnerRecord.of(partner) for partner in checks.registry.partners()])


def _decoded_body(request: SignedRequest) -> bytes:
    try:
        return base64.b64decode(request.body_base64, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidRequest(
            field_errors=[FieldError("body.body_base64", "NOT_BASE64", field_sentences.NOT_BASE64)]
        ) from exc


@router.post("/verify-signature")
async def verify_partner_signature(request: SignedRequest, checks: Checks) -> Signer:
    """The nonce is not checked. The calling service stores it together with the change that the request makes."""
    signed = service.SignedRequest(
        method=request.method,
        target=request.target,
        authorization=request.authorization,
        body=_decoded_body(request),
        address=request.address,
    )
    caller = await service.verify_signature(checks, signed)
    service.require_live_data(checks.registry, caller, method=request.method)
    return Signer(partner_id=caller.partner.partner_id, nonce=caller.nonce, timestamp=caller.timestamp)
