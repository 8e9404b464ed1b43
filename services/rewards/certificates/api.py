"""The public route that checks a certificate."""

from typing import Annotated

from fastapi import APIRouter, Path

from services.rewards.certificates import service
from services.rewards.certificates.schemas import EXAMPLE, CertificateView
from shared.db import Session
from shared.http_language import AskedLanguage

router = APIRouter(prefix="/api/v1/rewards", tags=["公益 Campaigns"])

# The digits, and hyphens or spaces between them.
_NUMBER_CHARS_MAX = 40


@router.get("/certificates/{certificate_no}", summary="证书查验（公开） · Check a certificate, public")
async def check_certificate(
    session: Session,
    language: AskedLanguage,
    certificate_no: Annotated[str, Path(max_length=_NUMBER_CHARS_MAX, examples=[EXAMPLE["certificate_no"]])],
) -> CertificateView:
    """编号输错（校验码不符）与查无此证分别说明。A mistyped number and an unknown one have different codes."""
    return CertificateView.of(await service.check_certificate(session, number=certificate_no), language=language)
