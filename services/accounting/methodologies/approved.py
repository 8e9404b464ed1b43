"""Compares the stored library with what was approved: the journal and the documents shipped with this release. Pure.

A version or factor is sound if its content, and the interval of a version, are the approved ones. Another one is
refused: it judges no act. The approved document of a refused version still says which acts are its acts.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, Literal, NamedTuple

from services.accounting.methodologies.compiled import Compiled, Factors, compile_methodology, factor_set
from services.accounting.methodologies.document import (
    Factor,
    Methodology,
    content_sha256,
    factor_from_plain,
    methodology_from_plain,
)
from services.accounting.methodologies.errors import AmbiguousMethodologies, CapMismatch, DocumentInvalid
from services.accounting.methodologies.matching import MethodologyIndex

SHIPPED: Final = "~shipped"
Fault = Literal["CONTENT", "HASH", "NOT_APPROVED", "MISSING", "INTERVAL", "FACTOR", "SHIPPED_CONTENT", "CONFLICT"]
Name = tuple[str, int]


class Refused(NamedTuple):
    """A version or factor that is not used: its name and what differs from the approval."""

    kind: Literal["version", "factor"]
    code: str
    version: int
    fault: Fault

    def __str__(self) -> str:
        version = f"v{self.version}" if self.kind == "version" else str(self.version)
        return f"{self.code} {version} {self.fault}"


class Approved(NamedTuple):
    """The newest approval of a version: its document, and its end if one was approved after it.

    `retired_from` is the end that its own retirement set. `ends_on` may be earlier, or later for a restored version.
    """

    document: Mapping[str, Any]
    sha256: str
    ends_on: date | None = None
    has_end: bool = False
    retired_from: date | None = None


@dataclass(slots=True)
class Examined:
    """The library in use: versions that judge acts, versions whose acts wait, factors, ends, and all refusals."""

    index: MethodologyIndex
    factors: Factors
    refused: list[Refused] = field(default_factory=list)


def examine(
    versions: Sequence[Any], factors: Sequence[Any], journal: Iterable[Any], shipped: Mapping[Name, str]
) -> Examined:
    """Return the usable library. `shipped` has the content hashes of this release, by code and version or vintage."""
    approved = _newest(journal)
    refused: list[Refused] = []
    sound_factors, refused_factors = _factors(factors, approved, shipped, refused)
    sound: list[Compiled] = []
    held: list[Compiled] = []
    ends: dict[Name, date] = {}
    stored = {(row.code, row.version): row for row in versions}
    known = {(code, version) for kind, code, version in approved if kind == "version"}
    for name in sorted({*stored, *known}):
        entry, row = approved.get(("version", *name)), stored.get(name)
        fault = _fault_of_version(row, entry, shipped.get(name))
        end = entry.ends_on if entry is not None and entry.has_end else None
        if fault is not None and row is not None and entry is None:
            end = row.effective_to
        if end is not None:
            ends[name] = end
        document = _read(entry.document if entry is not None and fault is not None else row.document if row else None)
        compiled = _compiled(document, sound_factors)
        if fault is None and (document is None or any(_key(one) in refused_factors for one in document.factors)):
            fault = "FACTOR"
        if fault is None and compiled is not None:
            sound.append(compiled)
            continue
        refused.append(Refused("version", *name, fault or "FACTOR"))
        if compiled is not None:
            held.append(replace(compiled, held=True))
    return Examined(_index(sound, held, ends, refused), sound_factors, refused)


def stored_sha256(plain: object, read: Callable[[object], Methodology | Factor]) -> str:
    """Return the content hash of a stored document. One that cannot be read has the hash of its sorted JSON."""
    try:
        return content_sha256(read(plain))
    except DocumentInvalid:
        return hashlib.sha256(json.dumps(plain, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _newest(journal: Iterable[Any]) -> dict[tuple[str, str, int], Approved]:
    found: dict[tuple[str, str, int], Approved] = {}
    for entry in journal:  # oldest first
        kind = "version" if entry.kind == "end" else entry.kind
        key = (kind, entry.name, entry.version)
        if entry.kind != "end":
            found[key] = Approved(entry.document, entry.sha256)
        elif key in found:
            known = found[key]
            retired_from = entry.ends_on if entry.retired else known.retired_from
            found[key] = known._replace(ends_on=entry.ends_on, has_end=True, retired_from=retired_from)
    return found


def _factors(
    rows: Sequence[Any],
    approved: Mapping[tuple[str, str, int], Approved],
    shipped: Mapping[Name, str],
    refused: list[Refused],
) -> tuple[Factors, set[Name]]:
    """Return the factors as approved, and the names of those whose stored row is not the approved one."""
    found: dict[Name, Factor] = {}
    for (kind, name, vintage), entry in approved.items():
        if kind == "factor":
            try:
                found[name, vintage] = factor_from_plain(entry.document)
            except DocumentInvalid:
                continue
    stored = {(row.factor_id, row.vintage): row for row in rows}
    faulty: set[Name] = set()
    for factor_name in sorted({*stored, *found}):
        approval, row = approved.get(("factor", *factor_name)), stored.get(factor_name)
        fault = _fault_of_content(
            row, approval, shipped.get(factor_name), stored_sha256(row.document, factor_from_plain) if row else ""
        )
        if fault is not None:
            faulty.add(factor_name)
            refused.append(Refused("factor", *factor_name, fault))
    return factor_set(found.values()), faulty


def _fault_of_content(row: Any | None, entry: Approved | None, shipped: str | None, sha256: str) -> Fault | None:
    if entry is None:
        return "NOT_APPROVED"
    if shipped is not None and entry.sha256 != shipped:
        return "SHIPPED_CONTENT"
    if row is None:
        return "MISSING"
    if sha256 != entry.sha256:
        return "CONTENT"
    return None if row.sha256 == sha256 else "HASH"


def _fault_of_version(row: Any | None, entry: Approved | None, shipped: str | None) -> Fault | None:
    sha256 = stored_sha256(row.document, methodology_from_plain) if row is not None else ""
    fault = _fault_of_content(row, entry, shipped, sha256)
    if fault is not None or row is None or entry is None:
        return fault
    document = _read(row.document)
    if document is None:
        return "CONTENT"
    end = entry.ends_on if entry.has_end else document.effective_to
    stored = (row.code, row.version, row.region, row.effective_from, row.effective_to, row.status, row.retired_from)
    status = "published" if entry.retired_from is None else "retired"
    same = stored == (
        *(document.code, document.version, document.region, document.effective_from),
        *(end, status, entry.retired_from),
    )
    return None if same else "INTERVAL"


def _read(plain: Mapping[str, Any] | None) -> Methodology | None:
    try:
        return methodology_from_plain(plain)
    except DocumentInvalid:
        return None


def _compiled(document: Methodology | None, factors: Factors) -> Compiled | None:
    try:
        return compile_methodology(document, factors) if document is not None else None
    except DocumentInvalid:
        return None


def _key(reference: Any) -> Name:
    return reference.factor_id, reference.vintage


def _index(
    sound: Sequence[Compiled], held: Sequence[Compiled], ends: Mapping[Name, date], refused: list[Refused]
) -> MethodologyIndex:
    """Index sound versions, then held ones. One that conflicts with those before it is left out and refused."""
    try:
        return MethodologyIndex([*sound, *held], ends)
    except (AmbiguousMethodologies, CapMismatch):
        chosen: list[Compiled] = []
        for version in (*sound, *held):
            try:
                MethodologyIndex([*chosen, version], ends)
            except (AmbiguousMethodologies, CapMismatch):
                if not version.held:
                    refused.append(Refused("version", version.code, version.version, "CONFLICT"))
                continue
            chosen.append(version)
        return MethodologyIndex(chosen, ends)
