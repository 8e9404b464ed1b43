"""The methodology version that applies to an act: exactly one, or none."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import combinations
from typing import Final, Protocol

from services.accounting.methodologies.compiled import Compiled, region_prefix
from services.accounting.methodologies.errors import AmbiguousMethodologies, CapMismatch
from shared.language import Text

CONSTRAINTS: Final = ("vehicle_type", "propulsion_type", "trip_type", "material")
# Size of the cache of look-ups. Partners use some dozens of vehicles and materials in a few cities. If a partner
# invents values, the cache is emptied and does not grow.
MAX_REMEMBERED: Final = 4_096


class Matchable(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def city_code(self) -> str: ...
    @property
    def local_date(self) -> date: ...
    @property
    def vehicle_type(self) -> str | None: ...
    @property
    def propulsion_type(self) -> str | None: ...
    @property
    def trip_type(self) -> str | None: ...
    @property
    def material(self) -> str | None: ...


class MethodologyIndex:
    """Finds versions by act, place and day.

    The most specific region wins: a city before its province. `ends` gives the first day on which a version no longer
    applies because a successor was published or it was retired. The published document itself never changes.
    Raises AmbiguousMethodologies if two versions of one region could apply to one act, and CapMismatch if one cap id
    names different caps.
    """

    def __init__(self, versions: Iterable[Compiled], ends: Mapping[tuple[str, int], date] | None = None) -> None:
        self._ends = dict(ends or {})
        self._versions = {(version.code, version.version): version for version in versions}
        self._by_kind: dict[str, list[Compiled]] = {}
        # Most specific region first. Within a region the order does not matter, because versions do not overlap.
        for version in sorted(self._versions.values(), key=lambda v: -len(region_prefix(v.document.region))):
            self._by_kind.setdefault(version.kind, []).append(version)
        self._remembered: dict[tuple[str | None, ...], tuple[tuple[date, date, Compiled], ...]] = {}
        # Acts of these versions wait.
        self.held = frozenset(name for name, version in self._versions.items() if version.held)
        # Only acts of these kinds need the households of their people.
        self.shared_kinds = frozenset(version.kind for version in self._versions.values() if version.shared)
        self.shared = bool(self.shared_kinds)
        _refuse_overlaps(self)
        _refuse_cap_mismatch(self)

    def __iter__(self) -> Iterator[Compiled]:
        return iter(self._versions.values())

    def version(self, code: str, version: int) -> Compiled | None:
        """Return a version by code and number, in force or not."""
        return self._versions.get((code, version))

    def interval(self, version: Compiled) -> tuple[date, date]:
        """Return the first day in force and the first day after."""
        ends = [version.document.effective_to, self._ends.get((version.code, version.version))]
        return version.document.effective_from, min((end for end in ends if end is not None), default=date.max)

    def in_force(self, day: date) -> list[Compiled]:
        """Return the versions that apply to acts of a day."""
        return [version for version in self if self.interval(version)[0] <= day < self.interval(version)[1]]

    def find(self, act: Matchable) -> Compiled | None:
        """Return the version that judges this act, by its place and its day in Asia/Shanghai."""
        key = (act.kind, act.city_code, act.vehicle_type, act.propulsion_type, act.trip_type, act.material)
        candidates = self._remembered.get(key)
        if candidates is None:
            candidates = tuple(
                (*self.interval(version), version)
                for version in self._by_kind.get(act.kind, ())
                if act.city_code.startswith(region_prefix(version.document.region)) and _fits(version, act)
            )
            if len(self._remembered) >= MAX_REMEMBERED:
                self._remembered.clear()
            self._remembered[key] = candidates
        day = act.local_date
        for first, end, version in candidates:
            if first <= day < end:
                return version
        return None


def _fits(version: Compiled, act: Matchable) -> bool:
    applies = version.document.applies_to
    for constraint in CONSTRAINTS:
        allowed = getattr(applies, constraint)
        if allowed is not None and (getattr(act, constraint) or "absent") not in allowed:
            return False
    return True


def _could_meet(one: Compiled, two: Compiled) -> bool:
    """Whether both could apply to one act."""
    for constraint in CONSTRAINTS:
        first, second = getattr(one.document.applies_to, constraint), getattr(two.document.applies_to, constraint)
        if first is not None and second is not None and not set(first) & set(second):
            return False
    return True


def _refuse_overlaps(index: MethodologyIndex) -> None:
    groups: dict[tuple[str, str], list[Compiled]] = {}
    for version in index:
        groups.setdefault((version.kind, region_prefix(version.document.region)), []).append(version)
    for (_, region), versions in groups.items():
        for one, two in combinations(versions, 2):
            (first_one, end_one), (first_two, end_two) = index.interval(one), index.interval(two)
            since = max(first_one, first_two)
            if since < min(end_one, end_two) and (one.code == two.code or _could_meet(one, two)):
                raise AmbiguousMethodologies(
                    first=one.label, second=two.label, region=region or Text("所有地区", "all regions"), since=since
                )


def _refuse_cap_mismatch(index: MethodologyIndex) -> None:
    seen: dict[str, tuple[str, str, str, Compiled]] = {}
    for version in index:
        for cap in (*version.count_caps, *version.amount_caps):
            period, measure, per, first = seen.setdefault(cap.id, (cap.period, cap.measure, cap.per, version))
            if (period, measure, per) != (cap.period, cap.measure, cap.per):
                raise CapMismatch(cap_id=cap.id, first=first.label, second=version.label)
