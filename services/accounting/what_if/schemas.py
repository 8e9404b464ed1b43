"""HTTP models of what-if runs."""

import uuid
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.accounting.audit.schemas import Reason
from services.accounting.methodologies.schemas import CalendarLine, YamlText
from services.accounting.publishing.schemas import DraftWarning
from shared.errors import InvalidValue
from shared.instants import Instant
from shared.language import Text


class WhatIf(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "example": {
                "draft_id": "01999e5e-0000-7000-8000-000000000001",
                "from": "2026-10-01",
                "to": "2026-10-31",
                "reason": "发布前试算",
            }
        },
    )

    yaml: YamlText | None = None
    draft_id: uuid.UUID | None = None
    first_day: date = Field(alias="from", description="首日，含 First day")
    last_day: date = Field(alias="to", description="末日，含 Last day, included")
    reason: Reason

    @model_validator(mode="after")
    def _one_source(self) -> "WhatIf":
        if (self.yaml is None) == (self.draft_id is None):
            raise InvalidValue(Text("文件与草案只能选一个，请去掉一个。", "Give either yaml or draft_id."))
        return self


class RunStarted(BaseModel):
    run_id: uuid.UUID
    warnings: list[DraftWarning] = Field(description="目前若发布会有的提醒 Warnings that publishing it now would have")


class Totals(BaseModel):
    people: int = Field(description="有相关行为的人数 People with acts that the draft applies to")
    acts: int
    credited_before: int
    credited_after: int
    before_mg: int
    after_mg: int
    change_mg: int


class ChangePerPerson(BaseModel):
    """Quantiles of the change per person in mg. Null if the draft applies to nobody."""

    min: int | None
    p10: int | None
    p25: int | None
    p50: int | None
    p75: int | None
    p90: int | None
    max: int | None


class Spread(BaseModel):
    gainers: int
    losers: int
    unchanged: int
    gained_mg: int
    lost_mg: int
    change_mg: ChangePerPerson


class Run(BaseModel):
    # The aliases are those of the request, so that request and answer have the same names.
    model_config = ConfigDict(populate_by_name=True)

    run_id: uuid.UUID
    code: str
    version: int
    sha256: str
    first_day: date = Field(alias="from")
    last_day: date = Field(alias="to")
    status: Literal["running", "finished", "failed"]
    progress_percent: int = Field(ge=0, le=100)
    totals: Totals = Field(description="目前为止 So far")
    spread: Spread | None = Field(description="完成后给出 Once finished")
    error: str | None
    warnings: list[DraftWarning] = Field(description="目前若发布会有的提醒 Warnings that publishing it now would have")
    calendar: list[CalendarLine] = Field(
        description="目前若发布，有关场景和地区的日历 Calendar of its scenes and regions if it were published now"
    )
    requested_by: str
    requested_at: Instant
    finished_at: Instant | None
