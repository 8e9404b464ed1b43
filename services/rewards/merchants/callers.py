"""The dependencies of routes that tills and merchants' systems call."""

from typing import Annotated, Any

from fastapi import Depends, Request

from services.rewards.merchants import credentials
from services.rewards.merchants.domain import MerchantCaller
from services.rewards.merchants.errors import EnrolmentInvalid, KeyNeeded, MerchantCredentialInvalid
from shared.auth import cp1, schemes
from shared.db import Session

_BEARER = "bearer "
_HEADER_CHARS_MAX = 2048


async def _merchant_caller(
    request: Request,
    session: Session,
    _till: Annotated[Any, Depends(schemes.TILL)],
    _signed: Annotated[Any, Depends(schemes.CP1)],
) -> MerchantCaller:
    """Raises MerchantCredentialInvalid, MerchantSuspended."""
    header = request.headers.get("authorization", "")
    if not header or len(header) > _HEADER_CHARS_MAX:
        raise MerchantCredentialInvalid
    if cp1.is_cp1(header):
        return await credentials.merchant_of_signature(
            session,
            sealer=request.app.state.merchant_sealer,
            authorization=header,
            method=request.method,
            target=cp1.target_of(request.scope),
            body=await request.body(),
        )
    if not header.lower().startswith(_BEARER):
        raise MerchantCredentialInvalid("MALFORMED")
    return await credentials.till_of_token(session, header[len(_BEARER) :].strip())


CallingMerchant = Annotated[MerchantCaller, Depends(_merchant_caller, scope="function")]


async def _signing_merchant(caller: CallingMerchant) -> MerchantCaller:
    """Raises KeyNeeded for a till."""
    if caller.app_key is None:
        raise KeyNeeded
    return caller


SigningMerchant = Annotated[MerchantCaller, Depends(_signing_merchant, scope="function")]


async def _enrolment_code(request: Request, _documented: Annotated[Any, Depends(schemes.TILL)]) -> str:
    """The enrolment code stands where the token of the till will stand. Raises EnrolmentInvalid."""
    header = request.headers.get("authorization", "")
    if not header.lower().startswith(_BEARER) or len(header) > _HEADER_CHARS_MAX:
        raise EnrolmentInvalid
    return header[len(_BEARER) :].strip()


EnrolmentCode = Annotated[str, Depends(_enrolment_code)]
