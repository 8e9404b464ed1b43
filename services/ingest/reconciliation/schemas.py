"""HTTP models of reconciliation."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from services.ingest.reconciliation.domain import Kind, differing_fields
from services.ingest.reconciliation.service import Day
from shared.instants import Instant, shown_act

ChosenDay = Annotated[
    date,
    Query(
        alias="date",
        ge=date(2000, 1, 1),
        lt=date(2100, 1, 1),
        description="行为发生日（上海） · the day of the acts, Asia/Shanghai",
        examples=["2026-11-23"],
    ),
]


class Sums(BaseModel):
    events: int = Field(description="事件（重复不计） · events, copies left out")
    distance_m: int
    weight_g: int
    energy_wh: int
    pieces: int = Field(description="购物袋个数 · bags")
    amount_mg: int = Field(description="毫克 CO2e · milligrams")


class Ours(Sums):
    by_kind: dict[str, Sums] = Field(description="trip, transit, recycling, bag, energy")
    by_status: dict[str, Sums] = Field(description="received, credited, refused, parked, reversed")


class Theirs(BaseModel):
    lines: int
    events: int = Field(description="不同的事件 id · distinct ids")
    of_other_days: int = Field(description="不属于当日的行 · lines of other days")
    distance_m: int
    weight_g: int
    energy_wh: int
    count: int


class Differences(BaseModel):
    only_theirs: int
    only_ours: int
    differing: int
    doubled: int


class Report(BaseModel):
    report_id: UUID
    partner_id: str
    date: date
    made_at: Instant
    ours: Ours
    theirs: Theirs
    differences: Differences
    equal: bool = Field(description="没有差异 · no difference at all")

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Report":
        counts = Differences(**{"only_theirs": 0, "only_ours": 0, "differing": 0, "doubled": 0, **row["differences"]})
        return cls(
            report_id=row["report_id"],
            partner_id=row["partner_id"],
            date=row["day"],
            made_at=row["made_at"],
            ours=Ours.model_validate(row["ours"]),
            theirs=Theirs.model_validate(row["theirs"]),
            differences=counts,
            equal=not any(counts.model_dump().values()),
        )


class Difference(BaseModel):
    kind: Kind
    id: str
    line: int | None = Field(description="贵方文件的行号 · line of your file")
    fields: list[str] = Field(description="不同的字段 · which fields differ", examples=[["distance"]])
    ours: dict[str, Any] | None
    theirs: dict[str, Any] | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Difference":
        ours = {name: value for name, value in (row["ours"] or {}).items() if name not in {"status", "amount_mg"}}
        theirs = row["theirs"] or {}
        fields = differing_fields(ours, theirs) if row["kind"] == "differing" else []
        # The hash of an order number means nothing to a reader. `fields` says whether it differs.
        hidden = {"natural_key"}
        return cls(
            kind=row["kind"],
            id=row["event_id"],
            line=row["line_no"] or None,
            fields=fields,
            ours=_shown(row["ours"], hidden) if row["ours"] else None,
            theirs=_shown(theirs, hidden) if theirs else None,
        )


def _shown(act: Mapping[str, Any], hidden: set[str]) -> dict[str, Any]:
    """Parts of seconds stay: they may be the difference."""
    return shown_act({name: value for name, value in act.items() if name not in hidden}, exact=True)


class PartnerDay(BaseModel):
    date: date
    time_zone: str
    ours: Ours
    reports: list[Report] = Field(description="最新在前，最多 20 份 · newest first, at most 20")

    @classmethod
    def of(cls, view: Day) -> "PartnerDay":
        (ours,) = view.ours.values()
        return cls(
            date=view.day,
            time_zone=view.time_zone,
            ours=Ours.model_validate(ours),
            reports=[Report.of(row) for row in view.reports],
        )


class OursOfPartner(BaseModel):
    partner_id: str
    ours: Ours


class OperatorsDay(BaseModel):
    date: date
    time_zone: str
    partners: list[OursOfPartner]
    reports: list[Report] = Field(description="最新在前，最多 20 份 · newest first, at most 20")

    @classmethod
    def of(cls, view: Day) -> "OperatorsDay":
        return cls(
            date=view.day,
            time_zone=view.time_zone,
            partners=[
                OursOfPartner(partner_id=name, ours=Ours.model_validate(ours)) for name, ours in view.ours.items()
            ],
            reports=[Report.of(row) for row in view.reports],
        )
