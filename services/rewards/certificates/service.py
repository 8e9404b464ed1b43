"""Use cases of certificates: issue one for a donation, check one publicly."""

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
from shared.language import Text


@dataclass(frozen=True, slots=True)
class Certificate:
    """Contains no name. Whoever has the number can show the certificate."""

    certificate_no: str
    campaign_id: str
    campaign_title: Text
    amount_mg: int
    issued_at: datetime


def _certificate(row: Any) -> Certificate:
    return Certificate(
        certificate_no=row.certificate_no,
        campaign_id=row.campaign_id,
        campaign_title=Text(row.campaign_zh, row.campaign_en),
        amount_mg=row.amount_mg,
        issued_at=row.issued_at,
    )


async def issue_certificate(
    session: Session,
    *,
    donation_id: uuid.UUID,
    campaign_id: str,
    campaign_title: Text,
    amount_mg: int,
    issued_at: datetime,
    time_zone: str,
) -> str:
    """Issue the certificate of a donation, at most once. Return its number."""
    number = certificate_no(clock.local_date(issued_at, time_zone), secrets.randbelow(RANDOM_BELOW))
    await repository.add(
        session,
        certificate_no=number,
        donation_id=donation_id,
        campaign_id=campaign_id,
        campaign_zh=campaign_title.zh,
        campaign_en=campaign_title.en,
        amount_mg=amount_mg,
        issued_at=issued_at,
    )
    return number


async def check_certificate(session: Session, *, number: str) -> Certificate:
    """Return the certificate with this number. Raises CertificateNoMistyped, CertificateNotFound."""
    digits = number.replace("-", "").replace(" ", "")
    if not is_well_formed(digits):
        raise CertificateNoMistyped
    row = await repository.by_no(session, digits)
    if row is None:
        raise CertificateNotFound
    return _certificate(row)


async def certificates_of(session: Session, *, donation_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Certificate]:
    return {row.donation_id: _certificate(row) for row in await repository.of_donations(session, donation_ids)}
