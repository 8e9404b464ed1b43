"""What an operator should know before a rule changes: warnings with names, and the calendar afterwards. Pure.

A fault bars a document from publication. A warning does not: it names a choice that is allowed and often a slip. The
publisher acknowledges each by its name.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from services.accounting.methodologies.compiled import region_prefix
from services.accounting.methodologies.coverage import Days, Gap, Line, Period, calendar, gaps_after, lost_days
from services.accounting.methodologies.document import ACT_KINDS, Methodology, mark_of
from services.accounting.methodologies.errors import Path, Problem
from services.accounting.methodologies.source import Marks
from services.accounting.publishing.succession import (
    ChangedEnd,
    PublishedVersion,
    after_publication,
    after_retirement,
    changed_ends,
    superseded_by,
)
from shared.language import Text

WarningName = Literal[
    "NO_CAPS",
    "NO_EXCLUSIVITY_GROUP",
    "EXCLUSIVITY_GROUP_ALONE",
    "EXCLUSIVITY_GROUP_DROPPED",
    "CAP_NOT_CONTINUED",
    "LONG_VESTING",
    "NO_POWER_BOUND",
    "SUPERSESSION_OVERLAP",
    "COVERAGE_GAP",
    "REGION_FALLBACK",
]

# A quarter. Citizens of the schemes in `library/` get their grams at once or within a month.
LONG_VESTING_DAYS: Final = 92
# Energy that a formula may read. Over a time it is a power, which the installation of a home or a car limits.
_ENERGIES: Final = frozenset({"energy_wh", "baseline_wh", "used_wh"})
_TIMED_KINDS: Final = frozenset({"trip", "transit"})  # acts with a beginning and an end, which can overlap


@dataclass(frozen=True, slots=True)
class Outlook:
    """The effect of a change: `ends` are ends of other versions that it moves, `calendar` the lines it concerns."""

    warnings: Sequence[Problem] = ()
    calendar: Sequence[Line] = ()
    ends: Sequence[ChangedEnd] = ()


def publication_outlook(
    document: Methodology, marks: Marks, published: Sequence[PublishedVersion], days: Days
) -> Outlook:
    name = (document.code, document.version)
    before = [other for other in published if (other.document.code, other.document.version) != name]
    after = after_publication(document, before)
    ended = superseded_by(document, before)
    gaps = lost_days(_periods(before), _periods(after), days.earliest)
    gaps += _holes(document, _periods(after), days.earliest, gaps)
    warnings = [
        *_rule_warnings(document, marks, before),
        *_succession_warnings(document, marks, ended),
        *(_gap_warning(gap, ("effective_from",), marks) for gap in gaps),
    ]
    lines = _lines_of([document, *(other.document for other in ended)], after, days.today)
    return Outlook(warnings, lines, changed_ends(before, after))


def retirement_outlook(
    version: PublishedVersion, ends_on: date, published: Sequence[PublishedVersion], days: Days
) -> Outlook:
    after = after_retirement(version, ends_on, published)
    ends = [change for change in changed_ends(published, after) if change.version != version]
    gaps = lost_days(_periods(published), _periods(after), days.earliest)
    lines = _lines_of([version.document, *(change.version.document for change in ends)], after, days.today)
    return Outlook([_gap_warning(gap, ("from",), {}) for gap in gaps], lines, ends)


def unacknowledged(warnings: Iterable[Problem], acknowledged: Collection[str]) -> list[str]:
    """Return the names of the warnings that nobody acknowledged, sorted."""
    return sorted({warning.code for warning in warnings} - set(acknowledged))


def _periods(library: Iterable[PublishedVersion]) -> list[Period]:
    return [version.period for version in library if not version.is_withdrawn]


def _lines_of(documents: Iterable[Methodology], library: Iterable[PublishedVersion], today: date) -> list[Line]:
    concerned = {(document.scene, region_prefix(document.region)) for document in documents}
    return [
        line for line in calendar(_periods(library), today) if (line.scene, region_prefix(line.region)) in concerned
    ]


def _holes(document: Methodology, periods: Sequence[Period], since: date, known: Iterable[Gap]) -> list[Gap]:
    """Return gaps between the document and its neighbours that end again, except those inside a `known` gap."""
    kind, region = ACT_KINDS[document.applies_to.event], region_prefix(document.region)
    found = []
    for period in periods:
        if (period.kind, period.region) != (kind, region):
            continue
        for gap in gaps_after(period, periods):
            touches = gap.end == document.effective_from or period.document is document
            hole = replace(gap, first=max(gap.first, since))
            if touches and hole.first < hole.end < date.max and not any(_lies_in(hole, other) for other in known):
                found.append(hole)
    return found


def _lies_in(hole: Gap, other: Gap) -> bool:
    return hole.after.region == other.after.region and other.first <= hole.first and hole.end <= other.end


def _rule_warnings(document: Methodology, marks: Marks, published: Iterable[PublishedVersion]) -> Iterator[Problem]:
    if not document.caps:
        text = Text("没有上限：一个人能累计多少没有限制。", "There are no caps: nothing limits the grams of a person.")
        yield _warning("NO_CAPS", ("caps",), text, marks)
    groups = set(document.exclusivity_groups)
    if not groups:
        text = Text(
            "没有互斥组：时间上重叠的行为会各自计入。",
            "There is no exclusivity group: acts that overlap in time are all credited.",
        )
        yield _warning("NO_EXCLUSIVITY_GROUP", ("exclusivity_groups",), text, marks)
    elif _is_alone(document, published):
        text = Text(
            "没有别的出行方法学属于这些互斥组：同一时间的另一种出行会再计一次。",
            "No other methodology of trips is in these exclusivity groups: a second ride at the same time is credited.",
        )
        yield _warning("EXCLUSIVITY_GROUP_ALONE", ("exclusivity_groups",), text, marks)
    if document.vesting_days > LONG_VESTING_DAYS:
        text = Text(
            f"{document.vesting_days} 天之后才可使用，超过一个季度。",
            f"The grams become available after {document.vesting_days} days, which is more than a quarter.",
        )
        yield _warning("LONG_VESTING", ("vesting_days",), text, marks)
    unbounded = sorted({one.source for one in document.inputs.values()} & _ENERGIES - set(_per_hour(document)))
    if unbounded and not _is_bounded_by_another(document, unbounded):
        names = ", ".join(unbounded)
        text = Text(
            f"{names} 没有每小时的上限（plausibility.per_hour）：一小时可以计入一个月的电量。",
            f"Nothing bounds {names} per hour (plausibility.per_hour): an hour may claim the energy of a month.",
        )
        yield _warning("NO_POWER_BOUND", ("plausibility",), text, marks)


def _per_hour(document: Methodology) -> Collection[str]:
    return document.plausibility.per_hour or ()


def _is_bounded_by_another(document: Methodology, fields: Iterable[str]) -> bool:
    """Whether each field is at most a share of another amount that has a bound per hour."""
    bounded = {one.field for one in document.plausibility.relations if one.at_most in _per_hour(document)}
    return set(fields) <= bounded


def _is_alone(document: Methodology, published: Iterable[PublishedVersion]) -> bool:
    others = [
        set(other.document.exclusivity_groups)
        for other in published
        if other.document.code != document.code
        and ACT_KINDS[other.document.applies_to.event] in _TIMED_KINDS
        and (other.effective_to or date.max) > document.effective_from
        and not other.is_withdrawn
    ]
    is_timed = ACT_KINDS[document.applies_to.event] in _TIMED_KINDS
    return is_timed and any(others) and not any(groups & set(document.exclusivity_groups) for groups in others)


def _succession_warnings(document: Methodology, marks: Marks, ended: Iterable[PublishedVersion]) -> Iterator[Problem]:
    first = document.effective_from
    restarts = {"day": False, "month": first.day != 1, "year": (first.month, first.day) != (1, 1)}
    for other in ended:
        if other.effective_to is not None:
            text = Text(
                f"{other.label} 原定 {other.effective_to} 失效，现提前到 {first}。",
                f"{other.label} was to end on {other.effective_to} and now ends earlier, on {first}.",
            )
            yield _warning("SUPERSESSION_OVERLAP", ("effective_from",), text, marks)
        dropped = set(other.document.exclusivity_groups) - set(document.exclusivity_groups)
        if dropped and document.exclusivity_groups:
            names = ", ".join(sorted(dropped))
            text = Text(
                f"{other.label} 的互斥组 {names} 不再沿用。",
                f"The exclusivity group {names} of {other.label} is left out.",
            )
            yield _warning("EXCLUSIVITY_GROUP_DROPPED", ("exclusivity_groups",), text, marks)
        kept = {cap.id for cap in document.caps}
        lost = sorted(cap.id for cap in other.document.caps if restarts[cap.period] and cap.id not in kept)
        if lost:
            names = ", ".join(lost)
            text = Text(
                f"{other.label} 的上限 {names} 不再沿用：本期已计的次数或数量从零重算。",
                f"The caps {names} of {other.label} are not continued: their counters restart within the period.",
            )
            yield _warning("CAP_NOT_CONTINUED", ("caps",), text, marks)


def _gap_warning(gap: Gap, path: Path, marks: Marks) -> Problem:
    acts_zh, acts_en = (f"（{'；'.join(gap.acts)}）", f" ({'; '.join(gap.acts)})") if gap.acts else ("", "")
    until_zh, until_en = ("", "") if gap.end == date.max else (f"至 {gap.end} 前", f" to before {gap.end}")
    since_zh, since_en = f"自 {gap.first} 起{until_zh}", f"From {gap.first}{until_en}"
    wider_zh, wider_en = "、".join(gap.fallback), ", ".join(gap.fallback)
    if gap.uncovered:
        rest_zh, rest_en = (
            (f"，其中一部分改由 {wider_zh} 核算", f"; some are judged by {wider_en}") if gap.fallback else ("", "")
        )
        text = Text(
            f"{since_zh}，{gap.after.label} 的行为{acts_zh}没有适用的版本{rest_zh}。",
            f"{since_en}, acts of {gap.after.label}{acts_en} have no version{rest_en}.",
        )
        return _warning("COVERAGE_GAP", path, text, marks)
    text = Text(
        f"{since_zh}，{gap.after.label} 的行为{acts_zh}改由上级地区的 {wider_zh} 核算。",
        f"{since_en}, acts of {gap.after.label}{acts_en} are judged by {wider_en} of a wider region.",
    )
    return _warning("REGION_FALLBACK", path, text, marks)


def _warning(name: WarningName, path: Path, text: Text, marks: Marks) -> Problem:
    return Problem(name, path, text, *mark_of(path, marks))
