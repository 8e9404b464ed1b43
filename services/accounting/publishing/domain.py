"""Checks that a document must pass before it is published. Pure: the caller gives the library and the day."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.accounting.judging.examples import failed_examples
from services.accounting.methodologies.compiled import Compiled, Factors, compile_methodology, region_prefix
from services.accounting.methodologies.coverage import Days
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
from services.accounting.publishing.succession import PublishedVersion, superseded_by
from shared.language import Text

DATE_PAST: Final = "EFFECTIVE_DATE_PAST"
VERSION_TAKEN: Final = "VERSION_ALREADY_PUBLISHED"

_HAN: Final = re.compile(r"[\u4e00-\u9fff]")
_LATIN: Final = re.compile(r"[A-Za-z]")


@dataclass(frozen=True, slots=True)
class LibraryState:
    """The library that a draft must fit into, and the days in Asia/Shanghai."""

    published: Sequence[PublishedVersion]
    factors: Factors
    days: Days


def find_problems(document: Methodology, marks: Marks, library: LibraryState) -> list[Problem]:
    """Return every fault that bars the document from publication.

    The compiler checks units, factors, formula and issuability. Examples and conflicts with the library are checked
    only if the document compiles.
    """
    problems = [
        *_texts(document, marks),
        *_identity(document, marks, library),
        *_supersession(document, marks, library),
        *_reportable(document, marks),
    ]
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
    earliest = library.days.earliest
    if document.effective_from < earliest:
        text = Text(
            f"{document.effective_from} 太早：新版本最早自 {earliest} 起生效，已经开始的一天不会改变。",
            f"{document.effective_from} is too early. A version begins on {earliest} at the earliest: "
            "no day that has begun changes.",
        )
        path = ("effective_from",)
        yield Problem(DATE_PAST, path, text, *mark_of(path, marks))


def _supersession(document: Methodology, marks: Marks, library: LibraryState) -> Iterator[Problem]:
    """Yield faults of `supersedes`: the code must have a version to end, of the same kind of act and region."""
    code, path = document.supersedes, ("supersedes",)
    place = mark_of(path, marks)
    if code is None:
        return
    ended = [p for p in superseded_by(document, library.published) if p.document.code == code]
    if code == document.code:
        text = Text("本代码的旧版本不用写，会自动失效。", "Older versions of the same code end anyway. Leave it out.")
        yield Problem("SUPERSEDES_ITSELF", path, text, *place)
    elif not ended:
        text = Text(
            f"{code} 到 {document.effective_from} 没有可取代的版本：没有发布过、已经失效，或尚未开始。",
            f"{code} has no version to end on {document.effective_from}: none is published, or it has ended by then, "
            "or it has not begun.",
        )
        yield Problem("SUPERSEDES_NOTHING", path, text, *place)
    for other in ended:
        if ACT_KINDS[other.document.applies_to.event] != ACT_KINDS[document.applies_to.event]:
            text = Text(f"{other.label} 适用于另一类行为。", f"{other.label} applies to another kind of act.")
            yield Problem("SUPERSEDES_OTHER_KIND", path, text, *place)
        if region_prefix(other.document.region) != region_prefix(document.region):
            text = Text(f"{other.label} 适用于另一地区。", f"{other.label} applies to another region.")
            yield Problem("SUPERSEDES_OTHER_REGION", path, text, *place)


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
