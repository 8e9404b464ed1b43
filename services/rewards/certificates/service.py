"""Use cases of certificates: issue one for a donation, check one in public."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.rewards.certificates import repository
from services.rewards.certificates.domain import RANDOM_BELOW, certificate_no, is_well_formed
from services.rewards.certificates.errors import CertificateNoMistyped, CertificateNotFound
from shared import clock
from shared.db import Session


@dataclass(frozen=True, slots=True)
class Certificate:
    """Names no person: whoever shows the number shows the certificate."""

    certificate_no: str
    campaign_id: str
    campaign_zh: str
    campaign_en: str
    amount_mg: int
    issued_at: datetime


def _certificate(row: Any) -> Certificate:
    return Certificate(
        certificate_no=row.certificate_no,
        campaign_id=row.campaign_id,
        campaign_zh=row.campaign_zh,
        campaign_en=row.campaign_en,
        amount_mg=row.amount_mg,
        issued_at=row.issued_at,
    )


async def issue(
    session: Session,
    *,
    donation_id: uuid.UUID,
    campaign_id: str,
    campaign_zh: str,
    campaign_en: str,
    amount_mg: int,
    issued_at: datetime,
    time_zone: str,
) -> str:
    """The number of the new certificate. One donation gets one certificate, ever."""
    number = certificate_no(clock.local_date(issued_at, time_zone), secrets.randbelow(RANDOM_BELOW))
    await repository.add(
        session,
        certificate_no=number,
        donation_id=donation_id,
        campaign_id=campaign_id,
        campaign_zh=campaign_zh,
        campaign_en=campaign_en,
        amount_mg=amount_mg,
        issued_at=issued_at,
    )
    return number


async def check(session: Session, *, number: str) -> Certificate:
    """Raises CertificateNoMistyped, CertificateNotFound."""
    digits = number.replace("-", "").replace(" ", "")
    if not is_well_formed(digits):
        raise CertificateNoMistyped
    row = await repository.by_no(session, digits)
    if row is None:
        raise CertificateNotFound
    return _certificate(row)


async def of_donations(session: Session, *, donation_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Certificate]:
    return {row.donation_id: _certificate(row) for row in await repository.of_donations(session, donation_ids)}
