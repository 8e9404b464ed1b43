"""The shelf: documents that are shipped, compiled and tested, and in force nowhere until somebody publishes them."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from services.accounting.methodologies.compiled import Compiled, compile_methodology
from services.accounting.methodologies.document import UNREPORTED_KINDS, SourceStatus, parse_methodology
from services.accounting.methodologies.errors import MethodologyNotFound
from services.accounting.methodologies.library import library_factors, shelf_texts

# From what nobody has checked to what stands in the issuer's own document.
TRUST: Final[tuple[SourceStatus, ...]] = ("unverified", "published_app_value", "secondary", "official")


def trust_of(version: Compiled) -> SourceStatus:
    """That of its weakest part: its own source or any of its factors."""
    parts = [version.document.source_status, *(factor.source_status for factor in version.factors.values())]
    return min(parts, key=TRUST.index)


def reportable(version: Compiled) -> bool:
    """Whether partners can report such acts today; a method about other acts would wait in vain."""
    return version.kind not in UNREPORTED_KINDS


@dataclass(frozen=True, slots=True)
class ShelvedDocument:
    """A document with its text as written: a draft once it is given a day to begin."""

    version: Compiled
    text: str


@cache
def shelf() -> tuple[ShelvedDocument, ...]:
    """By code and version. Reads and compiles some twenty files the first time, which takes a while."""
    factors = library_factors()
    shelved = (
        ShelvedDocument(compile_methodology(parse_methodology(text)[0], factors), text) for text in shelf_texts()
    )
    return tuple(sorted(shelved, key=lambda item: (item.version.code, item.version.version)))


def shelved_version(code: str, version: int) -> ShelvedDocument:
    """Raises MethodologyNotFound."""
    for item in shelf():
        if (item.version.code, item.version.version) == (code, version):
            return item
    raise MethodologyNotFound
