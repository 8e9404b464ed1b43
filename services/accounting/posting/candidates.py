"""Candidates: reported events with their place in the poll, their act and the methodology that applies."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from services.accounting.bindings.domain import BindingRow, Bindings, bound_account
from services.accounting.judging.acts import Act
from services.accounting.judging.stored import from_row
from services.accounting.judging.uniqueness import number_key
from services.accounting.methodologies.compiled import Compiled
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.posting.domain import report_of_activity
from shared import clock
from shared.contracts.activities_v1 import Act as ReportedAct
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.bounds import EARLIEST

_ANY_WINDOW_S: Final = 100 * 366 * 86_400


@dataclass(slots=True)
class MatchedAct:
    """An act and the methodology version that applies to it. The version is looked up once per act."""

    act: Act
    method: Compiled | None


@dataclass(slots=True)
class Candidate(MatchedAct):
    """A reported event before its verdict. `place` is its position in its poll."""

    place: int
    report: ActivityReported


def make_candidates(
    reports: Iterable[tuple[int, ActivityReported]], bindings: Bindings, index: MethodologyIndex, time_zone: str
) -> list[Candidate]:
    """Make candidates from (place, report) pairs and the bindings of their people."""
    found, now = [], clock.now()
    for place, report in reports:
        act = to_act(report, bindings.get((report.partner_id, report.account_key), ()), time_zone, now)
        found.append(Candidate(act, index.find(act), place, report))
    return found


def stored_candidate(place: int, row: Any, account_key: str, index: MethodologyIndex, time_zone: str) -> Candidate:
    """Make a candidate of a stored act of a bound person. It passed its window and its binding at its first verdict."""
    report = msgspec.structs.replace(
        report_of_activity(row, account_key),
        act=msgspec.convert(row["act"], ReportedAct),
        evidence_tier=from_row(row).evidence_tier or "partner_signed",
        late_window_s=_ANY_WINDOW_S,
    )
    act = to_act(report, [BindingRow(row["account_id"], EARLIEST, None, None)], time_zone)
    return Candidate(act, index.find(act), place, report)


def to_act(
    report: ActivityReported, bindings: Sequence[BindingRow], time_zone: str, now: datetime | None = None
) -> Act:
    assert report.act is not None  # the consumer refuses reports without an act
    done = report.act
    used = done.meter_key or done.vehicle_key
    account_id, state = bound_account(bindings, done.started_at, report.received_at, now=now or clock.now())
    return Act(
        activity_id=report.event_key,
        account_id=account_id,
        partner_id=report.partner_id,
        kind=done.kind,
        occurred_at=done.started_at,
        local_date=clock.local_date(done.started_at, time_zone),
        received_at=report.received_at,
        late_window_s=report.late_window_s,
        binding=state,
        city_code=done.city_code,
        evidence_tier=report.evidence_tier,
        ended_at=done.ended_at,
        vehicle_type=done.vehicle_type,
        propulsion_type=done.propulsion_type,
        trip_type=done.trip_type,
        material=done.material,
        distance_m=done.distance_m,
        straight_line_m=done.straight_line_m,
        duration_s=done.duration_s,
        passenger_count=done.passenger_count,
        weight_g=done.weight_g,
        energy_wh=done.energy_wh,
        baseline_wh=done.baseline_wh,
        count=done.count,
        steps=done.steps,
        number_key=number_key(report.partner_id, done.natural_key),
        meter_key=done.meter_key,
        use_key=None if used is None else UUID(used),
    )
