"""The shelf: documents that are shipped, compiled and tested, but not in force until two people publish them."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from services.accounting.methodologies.compiled import Compiled, compile_methodology
from services.accounting.methodologies.document import UNREPORTED_KINDS, SourceStatus, parse_methodology
from services.accounting.methodologies.errors import MethodologyNotFound
from services.accounting.methodologies.library import library_factors, shelf_texts

# From unchecked sources to the document of the issuer.
TRUST: Final[tuple[SourceStatus, ...]] = ("unverified", "published_app_value", "secondary", "official")


def trust_of(version: Compiled) -> SourceStatus:
    """Return the weakest source status among the document and its factors."""
    parts = [version.document.source_status, *(factor.source_status for factor in version.factors.values())]
    return min(parts, key=TRUST.index)


def reportable(version: Compiled) -> bool:
    """Whether partners can report such acts today."""
    return version.kind not in UNREPORTED_KINDS


@dataclass(frozen=True, slots=True)
class ShelvedDocument:
    """A document of the shelf with its text as written. With a new `effective_from` the text is a draft."""

    version: Compiled
    text: str


@cache
def shelf() -> tuple[ShelvedDocument, ...]:
    """Return the shelf by code and version. The first call reads and compiles some twenty files, which is slow."""
    factors = library_factors()
    shelved = (
        ShelvedDocument(compile_methodology(parse_methodology(text)[0], factors), text) for text in shelf_texts()
    )
    return tuple(sorted(shelved, key=lambda item: (item.version.code, item.version.version)))


def shelved_version(code: str, version: int) -> ShelvedDocument:
    """Return a document of the shelf. Raises MethodologyNotFound."""
    for item in shelf():
        if (item.version.code, item.version.version) == (code, version):
            return item
    raise MethodologyNotFound
