"""Use cases of certificates: issue one for a donation, check one publicly, give out its files."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.rewards.certificates import repository
from services.rewards.certificates.domain import RANDOM_BELOW, certificate_no, digits_of, is_well_formed
from services.rewards.certificates.errors import (
    CertificateFileGone,
    CertificateNoMistyped,
    CertificateNotFound,
    SurnameUnknown,
)
from services.rewards.certificates.naming import Address, public_name
from services.rewards.documents import domain as paper
from services.rewards.documents import service as documents
from services.rewards.documents.domain import CertificateContent, Form
from services.rewards.documents.service import File, Owner
from shared import clock
from shared.db import Session
from shared.language import Text


@dataclass(frozen=True, slots=True)
class Revocation:
    reason: Text
    revoked_at: datetime


@dataclass(frozen=True, slots=True)
class Certificate:
    """Whoever has the number can show the certificate.

    `donor` is a name only if the donor agreed to it, and never on a revoked one.
    `has_files`: the donor is not erased, so it can be had as PDF and as PNG.
    """

    certificate_no: str
    campaign_id: str
    campaign_title: Text
    amount_mg: int
    issued_at: datetime
    donor: str | None
    has_files: bool
    revocation: Revocation | None


def _certificate(row: Any) -> Certificate:
    return Certificate(
        certificate_no=row.certificate_no,
        campaign_id=row.campaign_id,
        campaign_title=Text(row.campaign_zh, row.campaign_en),
        amount_mg=row.amount_mg,
        issued_at=row.issued_at,
        donor=row.public_name if row.revoked_at is None else None,
        has_files=row.is_held,
        revocation=(None if row.revoked_at is None else Revocation(Text(row.reason_zh, row.reason_en), row.revoked_at)),
    )


async def issue_certificate(
    session: Session,
    *,
    donation_id: uuid.UUID,
    user_id: uuid.UUID | None,
    donor: str | None = None,
    campaign_id: str,
    campaign_title: Text,
    amount_mg: int,
    issued_at: datetime,
    time_zone: str,
) -> str:
    """Issue the certificate of a donation, at most once. Return its number.

    `user_id` None: an enterprise gave, and `donor` is its name.
    """
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
    named_at = None if donor is None else issued_at
    await repository.add_holder(session, certificate_no=number, user_id=user_id, public_name=donor, named_at=named_at)
    return number


async def check_certificate(session: Session, *, number: str) -> Certificate:
    """Return the certificate with this number. Raises CertificateNoMistyped, CertificateNotFound."""
    digits = digits_of(number)
    if not is_well_formed(digits):
        raise CertificateNoMistyped
    row = await repository.by_no(session, digits)
    if row is None:
        raise CertificateNotFound
    return _certificate(row)


async def certificates_of(session: Session, *, donation_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Certificate]:
    return {row.donation_id: _certificate(row) for row in await repository.of_donations(session, donation_ids)}


async def get_file(
    session: Session, *, number: str, form: Form, pages: str, time_zone: str
) -> tuple[Certificate, File | None]:
    """Return a certificate and its file, None while the worker makes it. `pages`: where the public pages are.

    Raises CertificateNoMistyped, CertificateNotFound, CertificateFileGone, DocumentsBusy.
    """
    certificate = await check_certificate(session, number=number)
    if not await repository.keep_holder(session, certificate.certificate_no):
        raise CertificateFileGone
    content = _content(certificate, pages=pages, time_zone=time_zone)
    owner = Owner(certificate_no=certificate.certificate_no)
    return certificate, await documents.get_or_request(session, content=content, form=form, owner=owner)


def _content(certificate: Certificate, *, pages: str, time_zone: str) -> CertificateContent:
    revoked = certificate.revocation
    return CertificateContent(
        number=certificate.certificate_no,
        campaign_zh=certificate.campaign_title.zh,
        campaign_en=certificate.campaign_title.en,
        amount_mg=certificate.amount_mg,
        issued_on=clock.local_date(certificate.issued_at, time_zone),
        address=f"{pages}/{certificate.certificate_no}",
        donor=certificate.donor,
        revoked=(
            None
            if revoked is None
            else paper.Revocation(
                reason_zh=revoked.reason.zh,
                reason_en=revoked.reason.en,
                on=clock.local_date(revoked.revoked_at, time_zone),
            )
        ),
    )


async def show_name(
    session: Session, *, number: str, user_id: uuid.UUID, surname: str, address: Address
) -> Certificate:
    """Show the donor's name on the certificate. The request is the donor's agreement, and can be taken back.

    Raises SurnameUnknown, CertificateNoMistyped, CertificateNotFound (also for a certificate of another person).
    """
    name = public_name(surname, address)
    if name is None:
        raise SurnameUnknown
    return await _rename(session, number, user_id, public_name=name, named_at=clock.now())


async def hide_name(session: Session, *, number: str, user_id: uuid.UUID) -> Certificate:
    """Take the agreement back. Raises CertificateNoMistyped, CertificateNotFound."""
    return await _rename(session, number, user_id, public_name=None, named_at=None)


async def _rename(session: Session, number: str, user_id: uuid.UUID, **values: Any) -> Certificate:
    certificate = await check_certificate(session, number=number)
    if not await repository.set_name(session, certificate.certificate_no, user_id, **values):
        raise CertificateNotFound
    await documents.forget_certificate(session, certificate_no=certificate.certificate_no)
    return await check_certificate(session, number=number)
