"""The calendar of the library: which version applies when, per scene and region, and the days without a version. Pure.

Two versions of one region never apply to the same act. The acts of a version are a box: one set of values for each
constraint of `applies_to`. The acts without a version are the box less the boxes of the versions in force.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple

from services.accounting.methodologies.compiled import region_prefix
from services.accounting.methodologies.document import ACT_KINDS, Methodology
from services.accounting.methodologies.matching import CONSTRAINTS
from shared.clock import local_date

# A change of the library is written this long before the day from which it applies. Acts up to five minutes ahead of
# our clock are accepted (`judging.domain.FUTURE_TOLERANCE`), and a transaction may wait for the library's lock.
LEAD: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Days:
    """Days in the programme's time zone. No version may begin or end before `earliest`."""

    today: date
    earliest: date


def days_at(now: datetime, time_zone: str) -> Days:
    return Days(local_date(now, time_zone), local_date(now + LEAD, time_zone) + timedelta(days=1))


class _Values(NamedTuple):
    """Values of one constraint: `names`, or with `excluded` every value except `names`."""

    names: frozenset[str]
    excluded: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.names and not self.excluded

    def both(self, other: "_Values") -> "_Values":
        if self.excluded and other.excluded:
            return _Values(self.names | other.names, excluded=True)
        if other.excluded:
            return _Values(self.names - other.names)
        if self.excluded:
            return _Values(other.names - self.names)
        return _Values(self.names & other.names)

    def minus(self, other: "_Values") -> "_Values":
        return self.both(_Values(other.names, not other.excluded))


_Box = tuple[_Values, ...]  # one entry for each of CONSTRAINTS
_ANY: Final = _Values(frozenset(), excluded=True)


@dataclass(frozen=True, slots=True)
class Period:
    """A version and its days in force: from `first` to before `end`. `date.max` is no end."""

    document: Methodology
    first: date
    end: date

    @property
    def kind(self) -> str:
        return ACT_KINDS[self.document.applies_to.event]

    @property
    def region(self) -> str:
        return region_prefix(self.document.region)

    @property
    def label(self) -> str:
        return f"{self.document.code} v{self.document.version}"


@dataclass(frozen=True, slots=True)
class Gap:
    """Days on which acts of a version have no version of their region, from `first` to before `end`.

    `acts` describes the acts where they are not all acts of the version. `fallback` names the versions of wider regions
    that judge some of them. `uncovered`: whether some have no version at all.
    """

    after: Period
    first: date
    end: date
    acts: tuple[str, ...]
    fallback: tuple[str, ...]
    uncovered: bool


@dataclass(frozen=True, slots=True)
class Line:
    """The versions of one scene and region in the order of their days, and the gaps after them."""

    scene: str
    region: str
    periods: tuple[Period, ...]
    gaps: tuple[Gap, ...]


def calendar(periods: Sequence[Period], since: date) -> list[Line]:
    """Return the lines by scene and region, with everything that lasts beyond the day `since`."""
    lines: dict[tuple[str, str], list[Period]] = {}
    for period in periods:
        if period.first < period.end:
            lines.setdefault((period.document.scene, period.region), []).append(period)
    found = []
    for (scene, region), members in sorted(lines.items()):
        gaps = [gap for member in members for gap in gaps_after(member, periods) if gap.end > since]
        shown = [member for member in members if member.end > since]
        if shown or gaps:
            found.append(
                Line(
                    scene,
                    region.ljust(6, "0") if region else "",
                    tuple(sorted(shown, key=lambda one: (one.first, one.label))),
                    tuple(sorted(gaps, key=lambda one: (one.first, one.after.label))),
                )
            )
    return found


def gaps_after(period: Period, periods: Sequence[Period]) -> list[Gap]:
    """Return the gaps that begin when the version ends. Acts leave the gap as soon as another version covers them."""
    peers = [peer for peer in periods if peer.kind == period.kind]
    left = [_box(period.document)]
    gaps = []
    for first, end in _steps(peers, period.end, date.max):
        left = _without(left, _in_force(peers, first, period.region))
        if not left:
            break
        gaps.append(_gap(period, first, end, left, peers))
    return _merged(gaps)


def lost_days(before: Sequence[Period], after: Sequence[Period], since: date) -> list[Gap]:
    """Return the days from `since` on which acts have a version of their region before a change and none after it."""
    gaps = []
    for period in before:
        peers = [peer for peer in after if peer.kind == period.kind]
        lost = []
        for first, end in _steps(peers, max(period.first, since), period.end):
            left = _without([_box(period.document)], _in_force(peers, first, period.region))
            if left:
                lost.append(_gap(period, first, end, left, peers))
        gaps += _merged(lost)
    return gaps


def can_meet(one: Methodology, two: Methodology) -> bool:
    """Whether some act of one kind and region fits both documents."""
    if (ACT_KINDS[one.applies_to.event], region_prefix(one.region)) != (
        ACT_KINDS[two.applies_to.event],
        region_prefix(two.region),
    ):
        return False
    return _meet(_box(one), _box(two))


def _box(document: Methodology) -> _Box:
    lists = (getattr(document.applies_to, constraint) for constraint in CONSTRAINTS)
    return tuple(_ANY if allowed is None else _Values(frozenset(allowed)) for allowed in lists)


def _meet(one: _Box, two: _Box) -> bool:
    return not any(first.both(second).is_empty for first, second in zip(one, two, strict=True))


def _subtract(box: _Box, other: _Box) -> list[_Box]:
    """Return disjoint boxes that hold exactly the acts of `box` outside `other`."""
    if not _meet(box, other):
        return [box]
    common = tuple(first.both(second) for first, second in zip(box, other, strict=True))
    pieces = ((*common[:place], box[place].minus(other[place]), *box[place + 1 :]) for place in range(len(CONSTRAINTS)))
    return [piece for piece in pieces if not any(values.is_empty for values in piece)]


def _without(boxes: list[_Box], periods: Iterable[Period]) -> list[_Box]:
    for period in periods:
        boxes = [piece for box in boxes for piece in _subtract(box, _box(period.document))]
    return boxes


def _in_force(periods: Iterable[Period], day: date, region: str) -> list[Period]:
    return [period for period in periods if period.region == region and period.first <= day < period.end]


def _steps(periods: Iterable[Period], first: date, end: date) -> Iterator[tuple[date, date]]:
    """Yield spans from `first` to before `end` within which no version begins or ends."""
    if first >= end:
        return
    days = {day for period in periods for day in (period.first, period.end) if first < day < end}
    bounds = [first, *sorted(days), end]
    yield from pairwise(bounds)


def _gap(period: Period, first: date, end: date, left: list[_Box], peers: Sequence[Period]) -> Gap:
    wider = [
        peer
        for length in range(len(period.region) - 1, -1, -1)
        for peer in _in_force(peers, first, period.region[:length])
        if any(_meet(box, _box(peer.document)) for box in left)
    ]
    acts = () if left == [_box(period.document)] else tuple(filter(None, map(_describe, left)))
    return Gap(period, first, end, acts, tuple(peer.label for peer in wider), bool(_without(left, wider)))


def _describe(box: _Box) -> str:
    parts = []
    for constraint, values in zip(CONSTRAINTS, box, strict=True):
        if values.names:
            parts.append(f"{constraint}{'≠' if values.excluded else '='}{'|'.join(sorted(values.names))}")
    return ", ".join(parts)


def _merged(gaps: list[Gap]) -> list[Gap]:
    merged: list[Gap] = []
    for gap in gaps:
        last = merged[-1] if merged else None
        if last is not None and replace(gap, first=last.first) == replace(last, end=gap.end) and last.end == gap.first:
            merged[-1] = replace(last, end=gap.end)
        else:
            merged.append(gap)
    return merged
