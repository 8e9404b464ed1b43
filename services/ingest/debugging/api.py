"""The route that explains a refused signature to a partner's engineer."""

import base64
import binascii

from fastapi import APIRouter

from services.ingest.debugging import service
from services.ingest.debugging.schemas import FailingRequest, SignatureReport
from services.ingest.signed import Callers
from shared import field_sentences
from shared.errors import FieldError, InvalidRequest
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/ingest", tags=["事件接入 Events"])


def _body_of(failing: FailingRequest) -> bytes:
    if failing.body_base64 is None:
        return (failing.body or "").encode(errors="replace")
    try:
        return base64.b64decode(failing.body_base64, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise InvalidRequest(
            field_errors=[FieldError("body.body_base64", "NOT_BASE64", field_sentences.NOT_BASE64)]
        ) from exc


@router.post("/signature-debug", summary="签名调试（仅沙箱密钥） · Why a signature fails, for sandbox keys")
async def debug_signature(failing: FailingRequest, ports: Callers, language: AskedLanguage) -> SignatureReport:
    """提交被拒的请求，返回我方的待签名串、第一处不同和可能的原因；从不返回密钥或正确的签名。

    Send the refused request. The answer has the string that the platform verifies, the first difference from yours, and
    the likely cause. It never contains the secret or the correct signature.
    """
    yours = failing.string_to_sign
    found = await service.explain_signature(
        ports.checks,
        ports.limits,
        method=failing.method,
        target=failing.target,
        body=_body_of(failing),
        authorization=failing.authorization,
        yours=yours.encode(errors="replace") if yours is not None else None,
    )
    return SignatureReport.of(found, language)
