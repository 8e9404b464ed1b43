"""The calendar: compared with a plain count of days and vehicles, for random libraries."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounting.judging.domain import FUTURE_TOLERANCE
from services.accounting.methodologies.coverage import LEAD, Period, calendar, can_meet, days_at, gaps_after, lost_days
from services.accounting.methodologies.document import methodology_from_plain
from shared.db import COMMAND_TIMEOUT_S
from tests.accounting.methodologies.drafts import plain

DAY = date(2026, 6, 1)
VEHICLES = ("bus", "metro", "other")
TYPES = ("commuter", "tourist", "absent")
REGIONS = ("", "42", "420100")
SPAN = 8


def period(
    code: str = "A-BUS", first: int = 0, end: int | None = None, region: str = "420100", **applies: Any
) -> Period:
    applies_to = {"event": "transit.ridden", **applies}
    document = methodology_from_plain(plain("WH-APP-BUS", code=code, region=region, applies_to=applies_to))
    return Period(document, DAY + timedelta(days=first), date.max if end is None else DAY + timedelta(days=end))


subsets = st.one_of(st.none(), st.sets(st.sampled_from(VEHICLES), min_size=1).map(sorted))
types = st.one_of(st.none(), st.sets(st.sampled_from(TYPES), min_size=1).map(sorted))
spans = st.tuples(st.integers(0, SPAN), st.integers(1, SPAN), st.booleans())


@st.composite
def libraries(draw: st.DrawFn) -> list[Period]:
    found = []
    for number in range(draw(st.integers(1, 5))):
        first, length, is_open = draw(spans)
        applies = {"vehicle_type": draw(subsets), "trip_type": draw(types)}
        applies = {name: value for name, value in applies.items() if value is not None}
        end = None if is_open else first + length
        found.append(period(f"V-{number}", first, end, draw(st.sampled_from(REGIONS)), **applies))
    return found


def covers(one: Period, day: date, vehicle: str, trip_type: str) -> bool:
    applies = one.document.applies_to
    return (
        one.first <= day < one.end
        and (applies.vehicle_type is None or vehicle in applies.vehicle_type)
        and (applies.trip_type is None or trip_type in applies.trip_type)
    )


# A document without a list also covers values that no document names.
ACTS = [(vehicle, trip_type) for vehicle in (*VEHICLES, "~") for trip_type in (*TYPES, "~")]
DAYS = [DAY + timedelta(days=number) for number in range(3 * SPAN)]


def without_version(library: list[Period], region: str, day: date) -> set[tuple[str, str]]:
    return {act for act in ACTS if not any(covers(one, day, *act) for one in library if one.region == region)}


@given(libraries(), libraries())
def test_lost_days_are_those_on_which_some_act_had_a_version_before_and_has_none_after(
    before: list[Period], after: list[Period]
) -> None:
    found = lost_days(before, after, DAY)
    for one in before:
        for day in DAYS:
            lost = any(covers(one, day, *act) for act in without_version(after, one.region, day))
            gaps = [gap for gap in found if gap.after == one and gap.first <= day < gap.end]
            assert len(gaps) == lost


@given(libraries())
def test_gaps_last_until_every_act_has_been_covered_again(library: list[Period]) -> None:
    for one in library:
        left = {act for act in ACTS if covers(one, one.first, *act)}
        found = gaps_after(one, library)
        for day in DAYS:
            if one.end <= day:
                left &= without_version(library, one.region, day)
                gaps = [gap for gap in found if gap.first <= day < gap.end]
                assert len(gaps) == bool(left)
                if gaps:
                    wider = [other for other in library if other.region != one.region]
                    wider = [other for other in wider if one.region.startswith(other.region)]
                    rest = {act for act in left if not any(covers(other, day, *act) for other in wider)}
                    assert gaps[0].uncovered == bool(rest)


@given(libraries())
def test_two_documents_meet_if_an_act_fits_both(library: list[Period]) -> None:
    one, two = library[0], library[-1]
    on = max(one.first, two.first)
    some = any(
        covers(Period(one.document, on, date.max), on, *act) and covers(Period(two.document, on, date.max), on, *act)
        for act in ACTS
    )
    assert can_meet(one.document, two.document) == (some and one.region == two.region)


def test_a_gap_narrows_as_its_acts_are_covered_again() -> None:
    library = [
        period("A-ALL", 0, 3, vehicle_type=["bus", "metro"]),
        period("B-BUS", 5, vehicle_type=["bus"]),
        period("C-METRO", 7, vehicle_type=["metro"]),
    ]
    (line,) = calendar(library, DAY)
    days = [((gap.first - DAY).days, (gap.end - DAY).days, gap.acts) for gap in line.gaps]
    assert days == [(3, 5, ()), (5, 7, ("vehicle_type=metro",))]
    assert calendar(library, DAY + timedelta(days=9))[0].gaps == ()


def test_acts_left_by_an_unlimited_version_are_named_by_exclusion() -> None:
    before, after = [period("A-ALL")], [period("B-BUS", vehicle_type=["bus"])]
    (gap,) = lost_days(before, after, DAY)
    assert gap.acts == ("vehicle_type≠bus",)


def test_another_kind_of_act_covers_nothing() -> None:
    bike = methodology_from_plain(plain("WH-APP-BIKE"))
    (gap,) = lost_days([period()], [Period(bike, DAY, date.max)], DAY)
    assert gap.uncovered


@pytest.mark.parametrize(
    ("local", "earliest"),
    [
        ("2026-06-01T00:00:00", "2026-06-02"),
        ("2026-06-01T23:49:59", "2026-06-02"),
        ("2026-06-01T23:50:00", "2026-06-03"),
    ],
)
def test_the_earliest_day_begins_after_the_lead(local: str, earliest: str) -> None:
    now = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Asia/Shanghai"))
    assert days_at(now, "Asia/Shanghai").earliest.isoformat() == earliest


def test_the_lead_is_longer_than_fast_clocks_and_slow_transactions() -> None:
    assert timedelta(seconds=10 * COMMAND_TIMEOUT_S) + FUTURE_TOLERANCE < LEAD
