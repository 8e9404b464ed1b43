"""Checks that a document must pass before it is published. Pure: the caller gives the library and the day."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.accounting.judging.examples import failed_examples
from services.accounting.methodologies.compiled import Compiled, Factors, compile_methodology
from services.accounting.methodologies.document import ACT_KINDS, UNREPORTED_KINDS, Methodology, mark_of
from services.accounting.methodologies.errors import (
    AmbiguousMethodologies,
    CapMismatch,
    DocumentInvalid,
    Path,
    Problem,
)
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.methodologies.source import Marks
from shared.language import Text

DATE_PAST: Final = "EFFECTIVE_DATE_PAST"
VERSION_TAKEN: Final = "VERSION_ALREADY_PUBLISHED"

_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_LATIN: Final = re.compile(r"[A-Za-z]")


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """`effective_to` is the first day on which the version no longer applies; None if it has no end."""

    document: Methodology
    effective_to: date | None


@dataclass(frozen=True, slots=True)
class LibraryState:
    """The library that a draft must fit into. `today` is the day in Asia/Shanghai."""

    published: Sequence[PublishedVersion]
    factors: Factors
    today: date


def superseded_by(document: Methodology, published: Sequence[PublishedVersion]) -> list[PublishedVersion]:
    """Return the earlier versions of the same code that end on the day this one begins."""
    return [
        earlier
        for earlier in published
        if earlier.document.code == document.code
        and earlier.document.version < document.version
        and earlier.document.effective_from < document.effective_from < (earlier.effective_to or date.max)
    ]


def find_problems(document: Methodology, marks: Marks, library: LibraryState) -> list[Problem]:
    """Return every fault that bars the document from publication.

    The compiler checks units, factors, formula and issuability. Examples and conflicts with the library are checked
    only if the document compiles.
    """
    problems = [*_texts(document, marks), *_identity(document, marks, library), *_reportable(document, marks)]
    try:
        compiled = compile_methodology(document, library.factors, marks)
    except DocumentInvalid as invalid:
        return [*invalid.problems, *problems]
    return [*problems, *failed_examples(compiled, marks), *_conflicts(compiled, marks, library)]


def _texts(document: Methodology, marks: Marks) -> Iterator[Problem]:
    """Yield missing texts. Citizens read these texts, so each needs Chinese and English words."""
    texts: list[tuple[Path, Text]] = [
        (("title",), document.title.text),
        (("summary",), document.summary.text),
        (("issuer",), document.issuer.text),
        (("document", "title"), document.document.title.text),
    ]
    texts += [(("inputs", name, "title"), given.title.text) for name, given in document.inputs.items()]
    texts += [(("caps", number), Text(cap.zh, cap.en)) for number, cap in enumerate(document.caps)]
    for path, text in texts:
        if not _HAN.search(text.zh):
            place = mark_of((*path, "zh"), marks)
            yield Problem("TEXT_MISSING", (*path, "zh"), Text("缺少中文文字。", "The Chinese text is missing."), *place)
        if not _LATIN.search(text.en):
            place = mark_of((*path, "en"), marks)
            yield Problem("TEXT_MISSING", (*path, "en"), Text("缺少英文文字。", "The English text is missing."), *place)


def _reportable(document: Methodology, marks: Marks) -> Iterator[Problem]:
    if ACT_KINDS[document.applies_to.event] in UNREPORTED_KINDS:
        path: Path = ("applies_to", "event")
        text = Text(
            "合作方还不能上报这类行为，发布了也不会有人获得。",
            "No partner can report such acts yet, so nobody would earn.",
        )
        yield Problem("EVENT_NOT_REPORTABLE", path, text, *mark_of(path, marks))


def _identity(document: Methodology, marks: Marks, library: LibraryState) -> Iterator[Problem]:
    newest = max((p.document.version for p in library.published if p.document.code == document.code), default=0)
    name = f"{document.code} v{document.version}"
    place = mark_of(("version",), marks)
    if any((p.document.code, p.document.version) == (document.code, document.version) for p in library.published):
        yield Problem(VERSION_TAKEN, ("version",), Text(f"{name} 已发布。", f"{name} is published."), *place)
    elif document.version < newest:
        text = Text(f"已有更新的版本 v{newest}。", f"There is a newer version, v{newest}.")
        yield Problem("VERSION_NOT_NEWER", ("version",), text, *place)
    if document.effective_from < library.today:
        text = Text(
            f"{document.effective_from} 早于今天 {library.today}，已有结果不会改变。",
            f"{document.effective_from} is before today, {library.today}; past results never change.",
        )
        path = ("effective_from",)
        yield Problem(DATE_PAST, path, text, *mark_of(path, marks))


def _conflicts(compiled: Compiled, marks: Marks, library: LibraryState) -> Iterator[Problem]:
    """Compare the document with each published version, after ending the versions that it supersedes."""
    document = compiled.document
    ends: Mapping[tuple[str, int], date] = {
        (p.document.code, p.document.version): p.effective_to for p in library.published if p.effective_to is not None
    } | {
        (p.document.code, p.document.version): document.effective_from
        for p in superseded_by(document, library.published)
    }
    for other in library.published:
        if (other.document.code, other.document.version) == (document.code, document.version):
            continue
        try:
            MethodologyIndex([compile_methodology(other.document, library.factors), compiled], ends)
        except (AmbiguousMethodologies, CapMismatch) as conflict:
            path: Path = ("caps",) if isinstance(conflict, CapMismatch) else ("applies_to",)
            text = Text(conflict.detail("zh"), conflict.detail("en"))
            yield Problem(conflict.code, path, text, *mark_of(path, marks))
