"""What a document says, and the hash that names it. Pure.

A document is named by its content: the same content has the same name on every machine, and a changed one, for example
a certificate that was revoked, is another document.
"""

import hashlib
import json
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from shared.instants import CITY_ZONE
from shared.language import Text

ISSUER: Final = Text("武汉碳普惠", "Wuhan Carbon Inclusion")
# Raised by every change of a layout, so that files of the former one are not served again.
LAYOUT: Final = 1
STATEMENT_ROWS_MAX: Final = 2_000


class Form(StrEnum):
    PDF = "pdf"
    PNG = "png"


MEDIA_TYPES: Final = {Form.PDF: "application/pdf", Form.PNG: "image/png"}
# A certificate is sent by phone. A statement of 2,000 donations has some sixty pages.
CERTIFICATE_PDF_BYTES_MAX: Final = 200_000
FILE_BYTES_MAX: Final = 500_000


class Revocation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why and when a certificate ceased to be valid. The reason is public."""

    reason_zh: str
    reason_en: str
    on: date


class CertificateContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="certificate"):
    """What a certificate says. `address` is that of its public page, `donor` a name only if the donor agreed to it."""

    number: str
    campaign_zh: str
    campaign_en: str
    amount_mg: int
    issued_on: date
    address: str
    donor: str | None = None
    revoked: Revocation | None = None

    @property
    def dated(self) -> date:
        return self.issued_on if self.revoked is None else self.revoked.on


class StatementRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One donation, or with a negative amount one that was given back."""

    campaign_zh: str
    campaign_en: str
    on: date
    amount_mg: int
    number: str


class StatementContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="statement"):
    """The donations of a donor in one year, at most STATEMENT_ROWS_MAX. `check_address` is the page of checks.

    `left_out`: donations that are not listed and are in the sum. `donor`: the name of an enterprise.
    """

    year: int
    rows: tuple[StatementRow, ...]
    sum_mg: int
    check_address: str
    left_out: int = 0
    donor: str | None = None

    @property
    def dated(self) -> date:
        return max((row.on for row in self.rows), default=date(self.year, 12, 31))


Content = CertificateContent | StatementContent


def content_hash(content: Content, form: Form) -> str:
    """Return the name of a document: SHA-256, hex, of what it says, its form and its layout."""
    said = {"content": msgspec.to_builtins(content), "form": form.value, "layout": LAYOUT}
    canonical = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def bytes_max(content_type: str, form: Form) -> int:
    """Return the bound of a file. `content_type`: the tag of the content."""
    return CERTIFICATE_PDF_BYTES_MAX if (content_type, form) == ("certificate", Form.PDF) else FILE_BYTES_MAX


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), CITY_ZONE)


def pause_s(attempts: int) -> int:
    """Return the wait before the next attempt: 2, 4, 8 … seconds, at most an hour."""
    return int(min(timedelta(hours=1), timedelta(seconds=2 ** min(attempts, 12))).total_seconds())


def grouped(number: str) -> str:
    """Return a number in groups of four digits, as people read it aloud."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))
