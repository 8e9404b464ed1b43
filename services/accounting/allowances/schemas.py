"""HTTP models of allowances."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from services.accounting.explaining.schemas import MethodologyRef
from shared.http_language import Bilingual


class CapAllowance(BaseModel):
    cap_id: str
    period: Literal["day", "month", "year"]
    period_start: date
    measure: Literal["acts", "mg"]
    per: Literal["account", "household", "meter"]
    shared: bool = Field(description="与家人合用 Used together with the household")
    limit: int
    used: int = Field(description="已用，合用的按合计 Used so far, by the household together if it is shared")
    left: int


class SceneAllowance(BaseModel):
    scene: str
    title: Bilingual
    methodology: MethodologyRef
    caps: list[CapAllowance]


class Allowances(BaseModel):
    today: date
    items: list[SceneAllowance]
