"""Use cases of the methodology library: find versions in force, add documents, end versions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.accounting.methodologies import repository
from services.accounting.methodologies.compiled import Factors, compile_all, factor_set
from services.accounting.methodologies.coverage import Period
from services.accounting.methodologies.document import (
    Factor,
    Methodology,
    content_sha256,
    factor_from_plain,
    methodology_from_plain,
)
from services.accounting.methodologies.errors import MethodologyNotFound, PublishedDocumentDiffers
from services.accounting.methodologies.matching import MethodologyIndex
from shared.db import Database, Session


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

    So a new version judges the next event without a restart.
    """

    def __init__(self) -> None:
        self._edition: tuple[Any, ...] | None = None
        self._index = MethodologyIndex([])
        self._factors: Factors = factor_set([])

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
        rows = await repository.versions(session)
        factors = factor_set(await list_factors(session))
        ends = {(row.code, row.version): row.effective_to for row in rows if row.effective_to is not None}
        documents = [methodology_from_plain(row.document) for row in rows]
        self._index = MethodologyIndex(compile_all(documents, factors), ends)
        self._factors, self._edition = factors, edition


async def list_factors(session: Session) -> list[Factor]:
    return [factor_from_plain(row.document) for row in await repository.factors(session)]


async def list_published(session: Session) -> list[Published]:
    return [_published(row) for row in await repository.versions(session)]


async def get_published(session: Session, *, code: str, version: int) -> Published:
    """Return a published version. Raises MethodologyNotFound."""
    for row in await repository.versions(session):
        if (row.code, row.version) == (code, version):
            return _published(row)
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


async def publish_version(session: Session, *, document: Methodology) -> None:
    """Add a checked version. Raises PublishedDocumentDiffers if this version exists with other content."""
    if await repository.add_methodology(session, document) != content_sha256(document):
        raise PublishedDocumentDiffers(name=f"{document.code} v{document.version}")


async def set_end(session: Session, *, code: str, version: int, effective_to: date | None) -> None:
    """Set the end of a version because a successor begins, or because the successor was withdrawn (None: no end).

    The caller holds the lock of the library, and moves no end to or from a day that has begun.
    """
    await repository.set_end(session, code, version, effective_to)


async def retire_version(session: Session, *, code: str, version: int, ends_on: date) -> None:
    """Retire a version from `ends_on`, the first day on which it no longer applies. Past results stay."""
    await repository.retire(session, code, version, ends_on)


async def register_factors(session: Session, *, factors: Sequence[Factor]) -> None:
    """Add factors. Raises PublishedDocumentDiffers if a factor with the same id and vintage has other content."""
    for factor in factors:
        if await repository.add_factor(session, factor) != content_sha256(factor):
            raise PublishedDocumentDiffers(name=f"{factor.id} {factor.vintage}")
