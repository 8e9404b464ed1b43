"""The figures of the app in the city's press (T1–T5), computed by the judge from single acts."""

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction

from services.accounting.judging.acts import Act
from services.accounting.judging.domain import JudgedBatch, judge, match_acts
from services.accounting.methodologies.matching import MethodologyIndex
from tests.accounting.judging.acts import act
from tests.accounting.methodologies.drafts import compiled, library_index

DAILY = ("bus", "metro", "bike", "own_bag")


def days(first: date, number: int) -> list[date]:
    return [first + timedelta(days=offset) for offset in range(number)]


def acts_of_days(scenes: tuple[str, ...], dates: list[date], times: int = 2) -> list[Act]:
    return [
        act(scene, f"{day}T{8 + 3 * turn:02}:{10 * place:02}:00")
        for day in dates
        for turn in range(times)
        for place, scene in enumerate(scenes)
    ]


def run(acts: list[Act], index: MethodologyIndex | None = None) -> JudgedBatch:
    return judge(match_acts(acts, index or library_index()), {})


def total_mg(batch: JudgedBatch) -> int:
    return sum(judgement.amount_mg for judgement in batch.judgements)


def test_t1_a_month_of_two_acts_a_day_is_21_900_g() -> None:
    assert total_mg(run(acts_of_days(DAILY, days(date(2026, 6, 1), 30)))) == 21_900_000


def test_t1_doing_more_than_twice_a_day_earns_no_more() -> None:
    batch = run(acts_of_days(DAILY, days(date(2026, 6, 1), 30), times=4))
    assert total_mg(batch) == 21_900_000
    assert Counter(j.reason_code for j in batch.judgements) == {"CREDITED": 240, "DAILY_CAP": 240}


def test_t2_twelve_such_months_and_ten_days_of_electric_cars_are_267_000_g() -> None:
    year = acts_of_days(DAILY, days(date(2026, 1, 1), 360))
    electric = acts_of_days(("ev_ride",), days(date(2026, 3, 1), 10))
    assert total_mg(run(year + electric)) == 262_800_000 + 4_200_000 == 267_000_000


def test_t3_third_bus_ride_of_a_day_earns_nothing() -> None:
    batch = run([act("bus", f"2026-06-15T{hour:02}:00:00") for hour in (8, 12, 18)])
    assert [(j.amount_mg, j.reason_code) for j in batch.judgements] == [
        (150_000, "CREDITED"),
        (150_000, "CREDITED"),
        (0, "DAILY_CAP"),
    ]


def test_t4_fourth_deposit_of_a_month_earns_nothing() -> None:
    batch = run([act("recycling", f"2026-06-{day:02}T10:00:00") for day in (2, 9, 16, 30)])
    assert [(j.amount_mg, j.reason_code) for j in batch.judgements] == [(1_500_000, "CREDITED")] * 3 + [
        (0, "MONTHLY_CAP")
    ]
    assert total_mg(batch) == 4_500_000


def test_t5_saved_kilowatt_hour_is_525_g() -> None:
    assert total_mg(run([act("power_saving")])) == 525_000


def test_t5_with_the_grid_of_hubei_2023_it_would_be_404_4_g() -> None:
    newer = compiled(
        "WH-APP-POWER", version=2, factors=[{"name": "per_kwh", "factor_id": "grid.hubei", "vintage": 2023}]
    )
    got = total_mg(run([act("power_saving")], MethodologyIndex([newer])))
    assert got == 404_400
    assert round(Fraction(got - 525_000, 525_000) * 100, 2) == Fraction(-2297, 100)
