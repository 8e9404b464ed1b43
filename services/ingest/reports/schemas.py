import uuid
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

DAYS_MAX = 31


class AccountRef(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["account_no"]
    value: str = Field(min_length=1, max_length=64, pattern=r"^[^\x00]*$")


class DaySteps(BaseModel):
    model_config = ConfigDict(extra="forbid")

    day: date
    steps: int = Field(ge=0, le=1_000_000, strict=True)


class StepsReport(BaseModel):
    """Steps of one person, by local day. The days are over."""

    model_config = ConfigDict(extra="forbid")

    partner_id: Literal["wechat"]
    account_ref: AccountRef
    city_code: str = Field(pattern=r"^[0-9]{6}$")
    days: list[DaySteps] = Field(min_length=1, max_length=DAYS_MAX)


class ReportsAccepted(BaseModel):
    receipt_id: uuid.UUID
    accepted: int
