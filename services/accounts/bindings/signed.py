"""The partner that signed a request (CP1), for every route that partners call, and the body under the signature."""

from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from services.accounts.bindings import tokens
from services.accounts.partners.domain import VerifiedSigner
from services.accounts.partners.errors import PartnerSignatureInvalid
from services.accounts.resources import RequestResources
from shared.auth import cp1, schemes
from shared.client_address import client_address
from shared.json_keys import refuse_repeated_keys

Parsed = TypeVar("Parsed", bound=BaseModel)

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


def read_signed(model: type[Parsed], body: bytes) -> Parsed:
    """Read a body whose bytes are signed. Raises DuplicateKey, RequestValidationError."""
    refuse_repeated_keys(body)
    try:
        return model.model_validate_json(body)
    except ValidationError as exc:
        issues = [{**issue, "loc": ("body", *issue["loc"])} for issue in exc.errors(include_input=False)]
        raise RequestValidationError(issues) from None
