"""Use cases of the methodology library: what is in force, and adding documents."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.accounting.methodologies import repository
from services.accounting.methodologies.compiled import Factors, compile_all, factor_set
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
    """A version as it was published; `effective_to` is when it stopped applying, if it did."""

    document: Methodology
    sha256: str
    status: str
    effective_to: date | None
    published_at: datetime

    def state_on(self, day: date) -> str:
        """scheduled, in_force, superseded, expired (by its own document) or retired."""
        first, end = self.document.effective_from, self.effective_to
        if end is None or day < end != first:  # an empty interval: taken back before its first day
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
        published_at=row.published_at,
    )


class Library:
    """The compiled methodologies of one process, reloaded when the stored library changes: the next event is judged by
    a new version without a restart."""

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
        """An index that has these versions, however old it is otherwise: a published document never changes."""
        if any(self._index.version(code, version) is None for code, version in named):
            async with database.transaction() as session:
                await self._refresh(session)
        return self._index

    async def _refresh(self, session: Session) -> None:
        edition = await repository.edition(session)
        if edition == self._edition:
            return
        rows = await repository.versions(session)
        factors = factor_set(await all_factors(session))
        ends = {(row.code, row.version): row.effective_to for row in rows if row.effective_to is not None}
        documents = [methodology_from_plain(row.document) for row in rows]
        self._index = MethodologyIndex(compile_all(documents, factors), ends)
        self._factors, self._edition = factors, edition


async def all_factors(session: Session) -> list[Factor]:
    return [factor_from_plain(row.document) for row in await repository.factors(session)]


async def published(session: Session) -> list[Published]:
    return [_published(row) for row in await repository.versions(session)]


async def published_version(session: Session, *, code: str, version: int) -> Published:
    """Raises MethodologyNotFound."""
    for row in await repository.versions(session):
        if (row.code, row.version) == (code, version):
            return _published(row)
    raise MethodologyNotFound


async def add_library(session: Session, *, methodologies: Sequence[Methodology], factors: Sequence[Factor]) -> None:
    """Publishes shipped documents that are not there yet, after compiling all of them together.

    Raises DocumentInvalid and its kin for a document that does not compile, PublishedDocumentDiffers when a stored
    version of the same name has other content: published documents never change, a new version is needed.
    """
    MethodologyIndex(compile_all(methodologies, factor_set(factors)))
    await register_factors(session, factors=factors)
    for document in methodologies:
        await publish_version(session, document=document)


async def lock_library(session: Session) -> None:
    """Holds off every other change of the library until the transaction ends, so that what was checked stays true."""
    await repository.lock(session)


async def publish_version(session: Session, *, document: Methodology) -> None:
    """Adds a checked version. Raises PublishedDocumentDiffers when there is another of the same name."""
    if await repository.add_methodology(session, document) != content_sha256(document):
        raise PublishedDocumentDiffers(name=f"{document.code} v{document.version}")


async def end_version(session: Session, *, code: str, version: int, ends_on: date, retired: bool) -> None:
    """From `ends_on` the version applies no longer: a successor takes over, or it is retired. Past results stay."""
    await repository.end_version(session, code, version, ends_on, retired=retired)


async def register_factors(session: Session, *, factors: Sequence[Factor]) -> None:
    """Raises PublishedDocumentDiffers when a factor of the same id and vintage has other content."""
    for factor in factors:
        if await repository.add_factor(session, factor) != content_sha256(factor):
            raise PublishedDocumentDiffers(name=f"{factor.id} {factor.vintage}")
