"""HTTP models of rankings."""

from datetime import date
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from services.rewards.participants.data import pseudonyms
from services.rewards.rankings.domain import TIE_RULE, Period, Span
from services.rewards.rankings.service import Line, MyRank
from shared.amounts import display
from shared.language import Language


class Scope(StrEnum):
    """`community` is another word for `district`."""

    CITY = "city"
    DISTRICT = "district"
    COMMUNITY = "community"
    HOUSEHOLD = "household"
    CAMPAIGN = "campaign"
    ENTERPRISE = "enterprise"


class Which(StrEnum):
    CURRENT = "current"
    PREVIOUS = "previous"


_LINE: JsonDict = {
    "rank": 1,
    "pseudonym": "晨光江豚 0427",
    "amount_mg": 12_300_000,
    "display": "12.30 千克",
    "is_mine": False,
}
_BOARD: Final[JsonDict] = {
    "scope": "city",
    "subject": None,
    "period": "week",
    "starts_on": "2026-11-23",
    "ends_on": "2026-11-29",
    "members": 48_210,
    "tie_rule": TIE_RULE.zh,
}


class RankingLine(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": _LINE})

    rank: int
    pseudonym: str
    amount_mg: int
    display: str
    is_mine: bool = Field(description="我，或我的家庭或企业 I, or a group of mine")


class BoardView(BaseModel):
    """The head of a board."""

    model_config = ConfigDict(json_schema_extra={"example": _BOARD})

    scope: Scope
    subject: str | None = Field(description="区的代码，或活动的编号 The district or the campaign")
    period: Period
    starts_on: date | None = Field(description="全部时间为空 Null: all time")
    ends_on: date | None
    members: int
    tie_rule: str

    @classmethod
    def of(cls, scope: Scope, subject: str, span: Span, members: int, language: Language) -> "BoardView":
        is_all = span.period is Period.ALL
        return cls(
            scope=scope,
            subject=subject or None,
            period=span.period,
            starts_on=None if is_all else span.starts_on,
            ends_on=None if is_all else span.ends_on,
            members=members,
            tie_rule=TIE_RULE.pick(language),
        )


class RankingPage(BaseModel):
    """Pseudonyms only, of those who take part."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"board": _BOARD, "items": [_LINE], "next_cursor": None, "has_more": False}}
    )

    board: BoardView
    items: list[RankingLine]
    next_cursor: str | None = Field(description="下一页的 cursor；没有下一页时为 null Null on the last page")
    has_more: bool


class MyRankView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"example": {"board": _BOARD, "rank": 1204, "amount_mg": 3_400_000, "display": "3.40 千克"}}
    )

    board: BoardView
    rank: int | None = Field(description="不在榜上为空 Null: not on the board")
    amount_mg: int
    display: str

    @classmethod
    def of(cls, board: BoardView, mine: MyRank, language: Language) -> "MyRankView":
        return cls(board=board, rank=mine.rank, amount_mg=mine.score_mg, display=display(mine.score_mg, language))


def line_of(line: Line, *, is_mine: bool, language: Language) -> RankingLine:
    return RankingLine(
        rank=line.rank,
        pseudonym=pseudonyms().text(line.alias).pick(language),
        amount_mg=line.score_mg,
        display=display(line.score_mg, language),
        is_mine=is_mine,
    )
