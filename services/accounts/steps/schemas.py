from collections.abc import Mapping
from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

_BASE64 = r"^[A-Za-z0-9+/]+={0,2}$"


class StepsIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: str = Field(
        min_length=1,
        max_length=128,
        description="读取步数之前 wx.login 返回的 code Of the wx.login before wx.getWeRunData",
    )
    encrypted_data: str = Field(
        min_length=1, max_length=8192, pattern=_BASE64, description="wx.getWeRunData 的 encryptedData"
    )
    iv: str = Field(min_length=24, max_length=24, pattern=_BASE64, description="wx.getWeRunData 的 iv")


class DayStepsOut(BaseModel):
    day: date = Field(examples=["2026-11-26"])
    steps: int = Field(examples=[8000])


class StepsOut(BaseModel):
    items: list[DayStepsOut] = Field(
        description="这次上报的日期，当天还没过完不上报 The days reported now, never today"
    )

    @classmethod
    def of(cls, days: Mapping[date, int]) -> Self:
        return cls(items=[DayStepsOut(day=day, steps=steps) for day, steps in days.items()])
