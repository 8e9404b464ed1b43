"""HTTP models of the city totals."""

from datetime import datetime

from pydantic import BaseModel, Field


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
    counted_before: datetime | None = Field(
        description="各场景行为数统计到此时，通常晚几秒；尚未统计时为空"
        " Acts per scene are counted up to this time, some seconds ago; null before the first count"
    )
    scenes: list[SceneTotal]
