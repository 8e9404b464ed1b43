"""The public check of a certificate."""

from typing import Annotated

from fastapi import APIRouter, Path

from services.rewards.certificates import service
from services.rewards.certificates.schemas import EXAMPLE, CertificateView
from services.rewards.wording import AskedLanguage
from shared.db import Session

router = APIRouter(prefix="/api/v1/rewards", tags=["公益 Campaigns"])

# Digits and the hyphens or spaces people put between them.
_NUMBER_CHARS_MAX = 40


@router.get("/certificates/{certificate_no}", summary="证书查验（公开） · Check a certificate, public")
async def check_certificate(
    session: Session,
    language: AskedLanguage,
    certificate_no: Annotated[str, Path(max_length=_NUMBER_CHARS_MAX, examples=[EXAMPLE["certificate_no"]])],
) -> CertificateView:
    """编号输错（校验码不符）与查无此证分别说明。A mistyped number and an unknown one are told apart."""
    return CertificateView.of(await service.check(session, number=certificate_no), language=language)
