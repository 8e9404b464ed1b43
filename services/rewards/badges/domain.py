"""Rules of badges and levels, and what they say about what somebody has done. Pure: `rules.py` reads the document.

A document is valid if it is complete and each worked example comes out as it says.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from shared.language import Text

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
Scene = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,39}$")]
Amount = Annotated[int, Field(ge=0, le=10**15, strict=True)]
Count = Annotated[int, Field(ge=0, le=10**6, strict=True)]
BADGES_MAX: Final = 100


class Measure(StrEnum):
    """What a rule counts. A household's measure also changes when somebody moves."""

    ACTS = "acts"
    DAYS = "days"
    AMOUNT_MG = "amount_mg"
    STREAK_DAYS = "streak_days"
    DONATIONS = "donations"
    DONATED_MG = "donated_mg"
    HOUSEHOLD_MG = "household_mg"


_BY_SCENE: Final = frozenset({Measure.ACTS, Measure.DAYS, Measure.AMOUNT_MG})


class Withdrawal(StrEnum):
    """Why a badge was withdrawn."""

    ACTS_TAKEN_BACK = "ACTS_TAKEN_BACK"
    HOUSEHOLD_CHANGED = "HOUSEHOLD_CHANGED"
    RULE_CHANGED = "RULE_CHANGED"


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Data):
    zh: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"[\u4e00-\u9fff]")]
    en: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"[A-Za-z]")]

    @property
    def text(self) -> Text:
        return Text(self.zh, self.en)


class SceneDone(_Data):
    acts: Count
    days: Count
    amount_mg: Amount


class Done(_Data):
    """What somebody has done and given. Whatever is left out is zero."""

    scenes: Mapping[Scene, SceneDone] = Field(default_factory=dict)
    days: Count = 0
    streak_days: Count = 0
    donations: Count = 0
    donated: Mapping[Slug, Amount] = Field(default_factory=dict)
    household_mg: Annotated[int, Field(ge=0, strict=True)] = 0


class Example(_Data):
    given: Done
    earned: bool


class Badge(_Data):
    """One rule: the badge is earned while the measure is at least `at_least`."""

    id: Slug
    version: Annotated[int, Field(ge=1, le=1000, strict=True)]
    icon: Slug
    name: Words
    explains: Words
    measure: Measure
    at_least: Annotated[int, Field(ge=1, le=10**15, strict=True)]
    scenes: tuple[Scene, ...] = ()
    campaigns: tuple[Slug, ...] = ()
    examples: Annotated[tuple[Example, ...], Field(min_length=2, max_length=20)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        """The rule counts something that exists, and its examples show both ends."""
        if self.scenes and self.measure not in _BY_SCENE:
            raise ValueError(f"{self.id}: {self.measure} is not counted by scene")
        if self.campaigns and self.measure is not Measure.DONATED_MG:
            raise ValueError(f"{self.id}: {self.measure} is not counted by campaign")
        if self.measure is Measure.DAYS and len(self.scenes) > 1:
            raise ValueError(f"{self.id}: a day with two scenes would count twice")
        if {example.earned for example in self.examples} != {True, False}:
            raise ValueError(f"{self.id}: examples have to show who earns the badge and who does not")
        for number, example in enumerate(self.examples, 1):
            if self.is_earned(example.given) is not example.earned:
                raise ValueError(f"{self.id}: example {number} comes out otherwise")
        return self

    def value(self, done: Done) -> int:
        """Return the measure."""
        scenes = [one for name, one in done.scenes.items() if not self.scenes or name in self.scenes]
        match self.measure:
            case Measure.ACTS:
                return sum(one.acts for one in scenes)
            case Measure.DAYS:
                return sum(one.days for one in scenes) if self.scenes else done.days
            case Measure.AMOUNT_MG:
                return sum(one.amount_mg for one in scenes)
            case Measure.STREAK_DAYS:
                return done.streak_days
            case Measure.DONATIONS:
                return done.donations
            case Measure.DONATED_MG:
                wanted = self.campaigns or tuple(done.donated)
                return sum(done.donated.get(one, 0) for one in wanted)
            case Measure.HOUSEHOLD_MG:
                return done.household_mg

    def is_earned(self, done: Done) -> bool:
        return self.value(done) >= self.at_least


class Level(_Data):
    level: Annotated[int, Field(ge=1, le=100, strict=True)]
    from_mg: Amount
    icon: Slug
    name: Words


class LevelExample(_Data):
    lifetime_mg: Amount
    level: int


class Rules(_Data):
    """The whole document."""

    levels: Annotated[tuple[Level, ...], Field(min_length=2, max_length=100)]
    level_examples: Annotated[tuple[LevelExample, ...], Field(min_length=2)]
    badges: Annotated[tuple[Badge, ...], Field(min_length=1, max_length=BADGES_MAX)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if [one.level for one in self.levels] != list(range(1, len(self.levels) + 1)):
            raise ValueError("levels are numbered from 1 without a gap")
        steps = [one.from_mg for one in self.levels]
        if steps[0] != 0 or sorted(set(steps)) != steps:
            raise ValueError("levels begin at 0 and rise")
        if len({badge.id for badge in self.badges}) != len(self.badges):
            raise ValueError("a badge occurs twice")
        for example in self.level_examples:
            if level_of(self.levels, example.lifetime_mg)[0].level != example.level:
                raise ValueError(f"{example.lifetime_mg} mg is another level")
        return self


def level_of(levels: Sequence[Level], lifetime_mg: int) -> tuple[Level, Level | None]:
    """Return the level of a lifetime sum, and the next one, None at the top."""
    reached = max(number for number, one in enumerate(levels) if one.from_mg <= max(lifetime_mg, 0))
    return levels[reached], levels[reached + 1] if reached + 1 < len(levels) else None


def why_withdrawn(badge: Badge | None, *, earned_version: int) -> Withdrawal:
    """Return the reason for a badge that its owner no longer meets. `badge` None: there is no such rule any more."""
    if badge is None or badge.version != earned_version:
        return Withdrawal.RULE_CHANGED
    if badge.measure is Measure.HOUSEHOLD_MG:
        return Withdrawal.HOUSEHOLD_CHANGED
    return Withdrawal.ACTS_TAKEN_BACK
