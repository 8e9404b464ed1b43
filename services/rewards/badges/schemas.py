"""HTTP models of badges, levels and streaks."""

from datetime import date
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from services.rewards.badges.domain import Level, Measure, Withdrawal
from services.rewards.badges.repository import Held
from services.rewards.badges.service import BadgeView, LevelView
from services.rewards.recognition.domain import Streaks
from services.rewards.sentences import recognition as sentences
from shared.amounts import display
from shared.instants import Instant
from shared.language import Language
from shared.openapi.closed import one_of

_IN_GRAMS: Final = frozenset({Measure.AMOUNT_MG, Measure.DONATED_MG, Measure.HOUSEHOLD_MG})
_BADGE: JsonDict = {
    "badge_id": "thirty-days-of-metro",
    "version": 1,
    "icon": "badge-metro-30",
    "name": "地铁三十天",
    "explanation": "有三十天坐过地铁，不必连续。",
    "earned_at": None,
    "progress": {"value": 12, "target": 30, "display": "12 / 30"},
    "history": [],
}


class Progress(BaseModel):
    value: int = Field(description="已达到，不超过 target · At most the target")
    target: int
    display: str


class TimeEarned(BaseModel):
    """One time that the badge was earned. A withdrawn one says why."""

    earned_at: Instant
    withdrawn_at: Instant | None
    reason_code: Annotated[str, one_of(Withdrawal)] | None
    reason: str | None = Field(description="收回的原因 Why it was withdrawn")

    @classmethod
    def of(cls, held: Held, language: Language) -> "TimeEarned":
        because = held.withdrawn_because
        return cls(
            earned_at=held.earned_at,
            withdrawn_at=held.withdrawn_at,
            reason_code=because,
            reason=None if because is None else sentences.WITHDRAWN[because].pick(language),
        )


class MyBadge(BaseModel):
    """A badge, whether it is earned or not yet."""

    model_config = ConfigDict(json_schema_extra={"example": _BADGE})

    badge_id: str
    version: int = Field(description="规则的版本 Version of the rule")
    icon: str = Field(description="图标名称，图由客户端自带 The client has the picture")
    name: str
    explanation: str
    earned_at: Instant | None = Field(description="未获得或已收回时为空 Null: not earned yet, or withdrawn")
    progress: Progress
    history: list[TimeEarned] = Field(description="旧的在前 Oldest first")

    @classmethod
    def of(cls, view: BadgeView, *, language: Language) -> "MyBadge":
        badge, value = view.badge, min(view.value, view.badge.at_least)
        shown = (
            f"{display(value, language)} / {display(badge.at_least, language)}"
            if badge.measure in _IN_GRAMS
            else f"{value} / {badge.at_least}"
        )
        return cls(
            badge_id=badge.id,
            version=badge.version,
            icon=badge.icon,
            name=badge.name.text.pick(language),
            explanation=badge.explains.text.pick(language),
            earned_at=None if view.held is None else view.held.earned_at,
            progress=Progress(value=value, target=badge.at_least, display=shown),
            history=[TimeEarned.of(one, language) for one in view.history],
        )


class MyBadges(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"earned": 0, "items": [_BADGE]}})

    earned: int
    items: list[MyBadge]

    @classmethod
    def of(cls, views: list[BadgeView], *, language: Language) -> "MyBadges":
        return cls(
            earned=sum(view.held is not None for view in views),
            items=[MyBadge.of(view, language=language) for view in views],
        )


class LevelStep(BaseModel):
    level: int
    name: str
    icon: str
    from_mg: int

    @classmethod
    def of(cls, level: Level, language: Language) -> "LevelStep":
        return cls(level=level.level, name=level.name.text.pick(language), icon=level.icon, from_mg=level.from_mg)


class MyLevel(BaseModel):
    """The level by what was earned in a lifetime. What is spent does not lower it; what is reversed does."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "lifetime_mg": 12_300_000,
                "display": "12.30 千克",
                "level": {"level": 3, "name": "小树", "icon": "level-sapling", "from_mg": 10_000_000},
                "next": {"level": 4, "name": "梅树", "icon": "level-plum", "from_mg": 50_000_000},
                "missing_mg": 37_700_000,
            }
        }
    )

    lifetime_mg: int
    display: str
    level: LevelStep
    next: LevelStep | None = Field(description="最高一级时为空 Null at the top")
    missing_mg: int = Field(description="距下一级 To the next level; 0 at the top")

    @classmethod
    def of(cls, view: LevelView, *, language: Language) -> "MyLevel":
        following = view.following
        return cls(
            lifetime_mg=view.lifetime_mg,
            display=display(view.lifetime_mg, language),
            level=LevelStep.of(view.level, language),
            next=None if following is None else LevelStep.of(following, language),
            missing_mg=0 if following is None else following.from_mg - view.lifetime_mg,
        )


class MyStreak(BaseModel):
    """Days in a row with a low-carbon act. An act that is reported late mends a streak."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"current_days": 5, "longest_days": 12, "last_day": "2026-11-27"}}
    )

    current_days: int = Field(description="到今天或昨天为止 That ends today or yesterday, else 0")
    longest_days: int
    last_day: date | None

    @classmethod
    def of(cls, streaks: Streaks) -> "MyStreak":
        return cls(current_days=streaks.current, longest_days=streaks.longest, last_day=streaks.last_day)
