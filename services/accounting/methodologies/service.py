"""Use cases of the methodology library: find versions in force, add documents, end versions."""

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import structlog

from services.accounting.methodologies import repository
from services.accounting.methodologies.approved import Examined, Refused, examine, stored_sha256
from services.accounting.methodologies.approvers import SHIPPED, Approvers
from services.accounting.methodologies.compiled import Factors, compile_all, factor_set
from services.accounting.methodologies.coverage import Period
from services.accounting.methodologies.document import (
    Factor,
    Methodology,
    content_sha256,
    factor_from_plain,
    methodology_from_plain,
)
from services.accounting.methodologies.errors import DocumentInvalid, MethodologyNotFound, PublishedDocumentDiffers
from services.accounting.methodologies.library import shipped_hashes
from services.accounting.methodologies.matching import MethodologyIndex
from shared import telemetry
from shared.db import Database, Session

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """A published version. `effective_to` is the first day on which it no longer applies, None without an end.

    `retired_from` is the end that its own retirement set. A successor may end it earlier.
    """

    document: Methodology
    sha256: str
    status: str
    effective_to: date | None
    retired_from: date | None
    published_at: datetime

    @property
    def period(self) -> Period:
        return Period(self.document, self.document.effective_from, self.effective_to or date.max)

    def state_on(self, day: date) -> str:
        """Return scheduled, in_force, superseded, expired (by its own document) or retired."""
        first, end = self.document.effective_from, self.effective_to
        if end is None or day < end != first:  # an empty interval: retired before its first day
            return "scheduled" if day < first else "in_force"
        if self.status == "retired":
            return "retired"
        return "expired" if end == self.document.effective_to else "superseded"


def _published(row: Any) -> Published:
    return Published(
        document=methodology_from_plain(row.document),
        sha256=row.sha256,
        status=row.status,
        effective_to=row.effective_to,
        retired_from=row.retired_from,
        published_at=row.published_at,
    )


class Library:
    """The compiled methodologies of one process. They are reloaded when the stored library changes.

    So a new version judges the next event without a restart. A version or factor whose content is not the approved one
    is refused: acts of such a version wait. `refused` names them.
    """

    def __init__(self) -> None:
        self._edition: tuple[Any, ...] | None = None
        self._index = MethodologyIndex([])
        self._factors: Factors = factor_set([])
        self._fingerprint: str | None = None
        self.refused: Sequence[Refused] = ()

    async def index(self, session: Session) -> MethodologyIndex:
        await self._refresh(session)
        return self._index

    async def factors(self, session: Session) -> Factors:
        await self._refresh(session)
        return self._factors

    async def index_with(self, database: Database, named: Collection[tuple[str, int]]) -> MethodologyIndex:
        """Return an index that has these versions. It may be old otherwise: published documents never change."""
        if any(self._index.version(code, version) is None for code, version in named):
            async with database.transaction() as session:
                await self._refresh(session)
        return self._index

    async def _refresh(self, session: Session) -> None:
        edition = await repository.edition(session)
        if edition == self._edition:
            return
        await self._load(session)
        self._edition = edition

    async def recheck(self, session: Session) -> None:
        """Load the library again if any of its rows differs from the last load, also by a hand in the database.

        Until then this process judges by the content that it has loaded and found sound. Timed job.
        """
        if await repository.fingerprint(session) != self._fingerprint:
            await self._load(session)

    async def _load(self, session: Session) -> None:
        fingerprint = await repository.fingerprint(session)
        found = await examine_library(session)
        if found.refused != self.refused:
            names = sorted(str(one) for one in found.refused)
            _log.warning("library_refused", refused=names) if names else _log.info("library_sound")
        self._index, self._factors, self.refused = found.index, found.factors, found.refused
        self._fingerprint = fingerprint
        telemetry.METHODOLOGY_REFUSED.set(len(found.refused))

    async def warning(self) -> str | None:
        """Return what `/readyz` says of refused versions and factors."""
        return "refused: " + ", ".join(sorted(str(one) for one in self.refused)) if self.refused else None


async def examine_library(session: Session) -> Examined:
    """Compare the stored library with its journal and with the documents of this release."""
    return examine(
        await repository.versions(session),
        await repository.factors(session),
        await repository.journal(session),
        shipped_hashes(),
    )


async def list_factors(session: Session) -> list[Factor]:
    """Return the stored factors. One that cannot be read is left out: `examine_library` names it."""
    found = []
    for row in await repository.factors(session):
        with contextlib.suppress(DocumentInvalid):
            found.append(factor_from_plain(row.document))
    return found


async def document_hashes(session: Session) -> dict[tuple[str, int], tuple[str, list[tuple[str, int, str | None]]]]:
    """Return the content hash of every stored version, and (id, vintage, content hash) of the factors it refers to.

    The hashes are computed from the documents as they are now. A missing factor has no hash.
    """
    factors = {
        (row.factor_id, row.vintage): stored_sha256(row.document, factor_from_plain)
        for row in await repository.factors(session)
    }
    found = {}
    for row in await repository.versions(session):
        references = row.document.get("factors") if isinstance(row.document, dict) else None
        named = [
            (str(reference.get("factor_id")), int(reference.get("vintage") or 0))
            for reference in (references if isinstance(references, list) else ())
            if isinstance(reference, dict)
        ]
        sha256 = stored_sha256(row.document, methodology_from_plain)
        found[row.code, row.version] = (sha256, [(*key, factors.get(key)) for key in named])
    return found


async def list_published(session: Session) -> list[Published]:
    """Return the stored versions. One that cannot be read is left out: `examine_library` names it."""
    found = []
    for row in await repository.versions(session):
        with contextlib.suppress(DocumentInvalid):
            found.append(_published(row))
    return found


async def get_published(session: Session, *, code: str, version: int) -> Published:
    """Return a published version. Raises MethodologyNotFound."""
    for found in await list_published(session):
        if (found.document.code, found.document.version) == (code, version):
            return found
    raise MethodologyNotFound


async def add_library(session: Session, *, methodologies: Sequence[Methodology], factors: Sequence[Factor]) -> None:
    """Publish shipped documents that are not published yet, after compiling all of them together.

    Raises DocumentInvalid, AmbiguousMethodologies or CapMismatch for faulty documents, and PublishedDocumentDiffers if
    a stored version has other content under the same name.
    """
    MethodologyIndex(compile_all(methodologies, factor_set(factors)))
    await register_factors(session, factors=factors)
    for document in methodologies:
        await publish_version(session, document=document)


async def lock_library(session: Session) -> None:
    """Block other changes of the library until the end of the transaction, so that checks stay valid."""
    await repository.lock(session)


async def publish_version(session: Session, *, document: Methodology, by: Approvers = SHIPPED) -> None:
    """Add a checked version. Raises PublishedDocumentDiffers if this version exists with other content."""
    if await repository.add_methodology(session, document, by) != content_sha256(document):
        raise PublishedDocumentDiffers(name=f"{document.code} v{document.version}")


async def set_end(session: Session, *, code: str, version: int, effective_to: date | None, by: Approvers) -> None:
    """Set the end of a version because a successor begins, or because the successor was withdrawn (None: no end).

    The caller holds the lock of the library, and moves no end to or from a day that has begun.
    """
    await repository.set_end(session, code, version, effective_to, by)


async def retire_version(session: Session, *, code: str, version: int, ends_on: date, by: Approvers) -> None:
    """Retire a version from `ends_on`, the first day on which it no longer applies. Past results stay."""
    await repository.retire(session, code, version, ends_on, by)


async def register_factors(session: Session, *, factors: Sequence[Factor], by: Approvers = SHIPPED) -> None:
    """Add factors. Raises PublishedDocumentDiffers if a factor with the same id and vintage has other content."""
    for factor in factors:
        if await repository.add_factor(session, factor, by) != content_sha256(factor):
            raise PublishedDocumentDiffers(name=f"{factor.id} {factor.vintage}")
