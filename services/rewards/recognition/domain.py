"""How verdicts on one act become one state, and how changed acts change sums. Pure.

A state is the same in whatever order verdicts arrive and however often: the verdict with the highest sequence says
whose act counts and how much, and the highest one with a time says on which day.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple, TypeAlias

# A pending credit counts from the beginning. If it is reversed before it vests, it is taken back like any other.
COUNTED: Final = frozenset({"credited", "pending"})
# These concern a copy of a report, not the act.
ABOUT_A_COPY: Final = frozenset({"duplicate", "conflict"})

Cell: TypeAlias = tuple[uuid.UUID, date, str]


class Verdict(NamedTuple):
    """What a verdict says about an act. `account_id` is None if the act does not count."""

    activity_id: uuid.UUID
    sequence: int
    account_id: uuid.UUID | None
    scene: str | None
    amount_mg: int
    day: date | None


class Act(NamedTuple):
    """The state of an act after all its verdicts so far. It is in the sums once its account and its day are known."""

    activity_id: uuid.UUID
    sequence: int
    account_id: uuid.UUID | None
    scene: str | None
    amount_mg: int
    day: date | None
    day_sequence: int

    @property
    def cell(self) -> Cell | None:
        """The sum that the act is in."""
        if self.account_id is None or self.scene is None or self.day is None:
            return None
        return self.account_id, self.day, self.scene


def merge(known: Act | None, verdict: Verdict) -> Act:
    """Return the state after one more verdict, which may be an old one."""
    tells_day = verdict.day is not None
    if known is None:
        return Act(*verdict, day_sequence=verdict.sequence if tells_day else 0)
    day, day_sequence = known.day, known.day_sequence
    if tells_day and verdict.sequence > day_sequence:
        day, day_sequence = verdict.day, verdict.sequence
    newest = verdict if verdict.sequence > known.sequence else known
    return Act(
        known.activity_id,
        newest.sequence,
        newest.account_id,
        newest.scene,
        newest.amount_mg,
        day,
        day_sequence,
    )


def says_nothing(act: Act) -> bool:
    """Whether an act without a row is the same: a first verdict that credits nothing. A later one replaces it."""
    return act.sequence <= 1 and act.account_id is None


@dataclass(slots=True)
class Sum:
    """Acts and milligrams."""

    acts: int = 0
    amount_mg: int = 0

    def add(self, acts: int, amount_mg: int) -> None:
        self.acts += acts
        self.amount_mg += amount_mg


def changes_of(pairs: Iterable[tuple[Act | None, Act]]) -> dict[Cell, Sum]:
    """Return what changed acts add to the sums of days. `pairs`: an act before and after. Zeros are left out."""
    found: dict[Cell, Sum] = {}
    for before, after in pairs:
        if before is not None and before.cell is not None:
            found.setdefault(before.cell, Sum()).add(-1, -before.amount_mg)
        if after.cell is not None:
            found.setdefault(after.cell, Sum()).add(1, after.amount_mg)
    return {cell: change for cell, change in found.items() if change.acts or change.amount_mg}


@dataclass(slots=True)
class SceneSum:
    acts: int = 0
    days: int = 0
    amount_mg: int = 0


@dataclass(slots=True)
class Sums:
    """The sums of some accounts, as stored. `apply` changes them."""

    days: dict[Cell, Sum] = field(default_factory=dict)
    scenes: dict[tuple[uuid.UUID, str], SceneSum] = field(default_factory=dict)
    totals: dict[uuid.UUID, Sum] = field(default_factory=dict)
    days_added: set[tuple[uuid.UUID, date]] = field(default_factory=set)
    days_removed: set[tuple[uuid.UUID, date]] = field(default_factory=set)

    def apply(self, changes: Mapping[Cell, Sum]) -> None:
        """Add the changes. `days` has to hold all scenes of each changed day, `scenes` and `totals` all changed ones.

        Afterwards a sum without acts is one to delete.
        """
        for cell, change in changes.items():
            account_id, _, scene = cell
            day_sum = self.days.setdefault(cell, Sum())
            was_there = day_sum.acts > 0
            day_sum.add(change.acts, change.amount_mg)
            of_scene = self.scenes.setdefault((account_id, scene), SceneSum())
            of_scene.acts += change.acts
            of_scene.amount_mg += change.amount_mg
            of_scene.days += (day_sum.acts > 0) - was_there
            self.totals.setdefault(account_id, Sum()).add(change.acts, change.amount_mg)
        changed = {(account_id, day) for account_id, day, _ in changes}
        active = {(account_id, day) for (account_id, day, _), one in self.days.items() if one.acts > 0}
        self.days_added, self.days_removed = changed & active, changed - active


def multirange(days: Collection[date]) -> str:
    """Return the text of a `datemultirange`. The database joins neighbours."""
    return "{" + ",".join(f"[{day},{day + timedelta(days=1)})" for day in sorted(days)) + "}"


class State(NamedTuple):
    """The generations of the sums, and the sweep over all accounts."""

    live: int
    building: int | None
    built_through: uuid.UUID | None
    sweep_after: uuid.UUID | None
    rules_sha256: str


# Behind every account: a rebuild of the sums that came here has all of them.
LAST_ACCOUNT: Final = uuid.UUID(int=2**128 - 1)


class Due(NamedTuple):
    """An account or a group that has to be refreshed."""

    kind: str
    subject: uuid.UUID


class Streaks(NamedTuple):
    """Days in a row with an act. `current` ends today or yesterday, else it is 0."""

    current: int
    longest: int
    last_day: date | None


class Facts(NamedTuple):
    """What badges and levels are decided on. `scenes`: acts, days and milligrams of each scene."""

    acts: int
    amount_mg: int
    days: int
    longest_streak: int
    scenes: dict[str, SceneSum]
    donated: dict[str, int]
    donations: int
