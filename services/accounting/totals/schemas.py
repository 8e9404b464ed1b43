"""HTTP models of the city totals."""

import uuid
from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from shared.instants import Instant


class SceneTotal(BaseModel):
    scene: str = Field(examples=["metro"])
    title: dict[str, str]
    acts: int = Field(description="累计行为数，截至 counted_before Credited acts up to counted_before")
    amount_mg: int
    display: str


class CityStats(BaseModel):
    """The whole city since the beginning, minus reversals."""

    acts: int = Field(description="累计行为数 Credited acts")
    amount_mg: int
    display: str
    counted_before: Instant | None = Field(
        description="各场景行为数统计到此时，通常晚几秒；尚未统计时为空"
        " Acts per scene are counted up to this time, some seconds ago; null before the first count"
    )
    scenes: list[SceneTotal]


class LargestCredit(BaseModel):
    """One credit, or all credits of one account in an hour. Without names."""

    at: Instant = Field(description="入账时间，或该小时的开始 Time of the posting, or the beginning of the hour")
    account_id: uuid.UUID
    amount_mg: int
    display: str
    acts: int
    activity_id: uuid.UUID | None = Field(description="按小时合计时为空 Null for the sum of an hour")


class LargestCredits(BaseModel):
    """The largest credits of one local day, largest first."""

    day: date
    span: Literal["credit", "hour"]
    ranked_before: Instant | None = Field(
        description="排到此时；按小时合计的在整点后出现 Ranked up to then; sums of an hour appear after its end"
    )
    items: list[LargestCredit]
