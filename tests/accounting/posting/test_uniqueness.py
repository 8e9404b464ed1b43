"""One physical act, one credit: meters, order numbers and vehicles, across people, partners and households."""

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import asyncpg
import pytest

from shared.contracts.activities_v1 import Act, ActivityReported
from shared.contracts.identity import keyed, meter_key, vehicle_key
from tests.accounting.driver import Accounting
from tests.accounting.households.homes import family, publish, saving, unpublish
from tests.accounting.reports import PARTNER, PEPPER, YESTERDAY, Reports, cancel, correct
from tests.databases import Dsns

OTHER = "second-partner"
JULY = datetime.fromisoformat("2026-07-01T00:00:00+08:00")
AUGUST = datetime.fromisoformat("2026-08-01T00:00:00+08:00")
PLATE = "鄂A·12345"


def number(text: str, partner: str = PARTNER) -> str:
    return keyed(PEPPER, f"{partner}\0trip\0{text}")


def power(
    person: Reports,
    meter: str,
    start: datetime = JULY,
    end: datetime = AUGUST,
    *,
    energy_wh: int = 100_000,
    baseline_wh: int | None = None,
    **fields: Any,
) -> ActivityReported:
    act = Act(
        kind="energy",
        started_at=start,
        ended_at=end,
        city_code="420100",
        energy_wh=energy_wh,
        baseline_wh=baseline_wh,
        meter_key=meter_key(PEPPER, meter),
    )
    return person.report(act, **fields)


def trip(
    person: Reports,
    minute: float = 0,
    *,
    minutes: float = 20,
    order: str | None = None,
    vehicle: str | None = None,
    vehicle_type: Any = "car",
    people: int | None = None,
    partner: str = PARTNER,
    **fields: Any,
) -> ActivityReported:
    start = YESTERDAY + timedelta(hours=8, minutes=minute)
    act = Act(
        kind="trip",
        vehicle_type=vehicle_type,
        propulsion_type="electric" if vehicle_type == "car" else "human",
        started_at=start,
        ended_at=start + timedelta(minutes=minutes),
        distance_m=3000,
        city_code="420100",
        passenger_count=people,
        natural_key=None if order is None else number(order, partner),
        vehicle_key=None if vehicle is None else vehicle_key(PEPPER, partner, vehicle_type, vehicle),
    )
    return person.report(act, partner=partner, **fields)


async def reasons(accounting: Accounting, person: Reports) -> list[str]:
    page: Any = await accounting.get(person, "/me/activities")
    return [item["reason_code"] for item in page["items"]]


async def all_reasons(accounting: Accounting, people: Iterable[Reports]) -> list[str]:
    return [code for person in people for code in await reasons(accounting, person)]


async def crowd(accounting: Accounting, size: int) -> list[Reports]:
    return [await accounting.citizen(PARTNER, OTHER) for _ in range(size)]


# --- A5: each metered hour of a meter counts once ------------------------------------------------------------------


@pytest.mark.parametrize("partner", [PARTNER, OTHER])
async def test_a5_the_month_of_a_meter_counts_for_one_person(accounting: Accounting, partner: str) -> None:
    first, second = await crowd(accounting, 2)
    await accounting.post(power(first, "4201-0048-12345"))
    await accounting.post(power(second, "4201 0048 12345", partner=partner))
    assert await reasons(accounting, first) == ["CREDITED"]
    page: Any = await accounting.get(second, "/me/activities")
    assert [(item["reason_code"], item["amount_mg"]) for item in page["items"]] == [("METER_COUNTED", 0)]
    assert "电表" in page["items"][0]["reason"]


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        (timedelta(days=15), timedelta(days=45), "METER_COUNTED"),
        (timedelta(days=-5), timedelta(hours=1), "METER_COUNTED"),
        (timedelta(days=3), timedelta(days=4), "METER_COUNTED"),
        (timedelta(days=-5), timedelta(days=60), "METER_COUNTED"),
        (timedelta(days=31), timedelta(days=62), "CREDITED"),
        (timedelta(days=-30), timedelta(0), "CREDITED"),
    ],
)
async def test_a5_periods_of_one_meter_that_overlap_count_once(
    accounting: Accounting, start: timedelta, end: timedelta, reason: str
) -> None:
    person = await accounting.citizen()
    await accounting.post(power(person, "m1"))
    await accounting.post(power(person, "M-1", JULY + start, JULY + end, event_id="later"))
    assert sorted(await reasons(accounting, person)) == sorted(["CREDITED", reason])


async def test_a5_overlapping_periods_in_one_poll_count_once(accounting: Accounting) -> None:
    people = await crowd(accounting, 3)
    await accounting.post(*(power(person, "m1", JULY + timedelta(days=n)) for n, person in enumerate(people)))
    assert [await reasons(accounting, person) for person in people] == [
        ["CREDITED"],
        ["METER_COUNTED"],
        ["METER_COUNTED"],
    ]


async def test_a5_two_writers_with_one_meter_credit_it_once(accounting: Accounting) -> None:
    people = await crowd(accounting, 8)
    await accounting.post(*(person.metro() for person in people))  # everyone has an account, so nobody is postponed
    await asyncio.gather(*(accounting.post(power(person, "m1")) for person in people))
    codes = await all_reasons(accounting, people)
    assert (codes.count("METER_COUNTED"), codes.count("CREDITED")) == (7, 1 + 8)


async def test_a5_more_than_the_baseline_cannot_be_saved(accounting: Accounting) -> None:
    person = await accounting.citizen()
    await accounting.post(power(person, "m1", energy_wh=500_000, baseline_wh=400_000))
    await accounting.post(power(person, "m2", energy_wh=400_000, baseline_wh=400_000))
    page: Any = await accounting.get(person, "/me/activities")
    assert sorted((item["reason_code"], item["amount_mg"]) for item in page["items"]) == [
        ("CREDITED", 210_000_000),
        ("IMPLAUSIBLE_AMOUNT", 0),
    ]
    refused = next(item for item in page["items"] if not item["amount_mg"])
    assert ("500000" in refused["reason"], "400000" in refused["reason"]) == (True, True)


async def test_a5_a_cancelled_period_may_be_reported_for_somebody_else(accounting: Accounting) -> None:
    first, second = await crowd(accounting, 2)
    report = power(first, "m1")
    await accounting.post(report)
    await accounting.post(cancel(first, report))
    await accounting.release()
    await accounting.post(power(second, "m1"))
    assert await reasons(accounting, second) == ["CREDITED"]


async def test_a5_a_corrected_period_counts_in_the_place_of_its_original(accounting: Accounting) -> None:
    first, second = await crowd(accounting, 2)
    wrong = power(first, "m1", energy_wh=900_000)
    await accounting.post(wrong)
    await accounting.post(correct(first, wrong, power(first, "m1", energy_wh=90_000)))
    await accounting.release()
    await accounting.post(power(second, "m1", JULY + timedelta(days=30), AUGUST + timedelta(days=30)))
    assert (await accounting.get(first, "/me/balance"))["available_mg"] == 47_250_000
    assert await reasons(accounting, second) == ["METER_COUNTED"]


async def test_a5_a_household_and_a_single_person_share_the_hours_of_a_meter(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    await publish(accounting.database)
    _, (member, _) = await family(accounting)
    neighbour = await accounting.citizen()
    await accounting.post(saving(member, "4201004812345"))
    await accounting.post(power(neighbour, "4201004812345", YESTERDAY, YESTERDAY + timedelta(hours=3)))
    await accounting.post(power(neighbour, "4201004812346", YESTERDAY, YESTERDAY + timedelta(hours=3)))
    assert await reasons(accounting, member) == ["CREDITED"]
    assert sorted(await reasons(accounting, neighbour)) == ["CREDITED", "METER_COUNTED"]
    await unpublish(accounting_dsns)


# --- A6: one physical trip, one credit -----------------------------------------------------------------------------


@pytest.mark.parametrize("vehicle", [None, PLATE])
async def test_a6_one_order_on_two_accounts_is_credited_once(accounting: Accounting, vehicle: str | None) -> None:
    first, second = await crowd(accounting, 2)
    await accounting.post(trip(first, order="o-1", vehicle=vehicle), trip(second, order="o-1", vehicle=vehicle))
    assert await reasons(accounting, first) == ["CREDITED"]
    assert await reasons(accounting, second) == ["VEHICLE_COUNTED" if vehicle else "COUNTED_ELSEWHERE"]


async def test_a6_an_order_number_counts_once_whenever_it_is_reported(accounting: Accounting) -> None:
    first, second = await crowd(accounting, 2)
    await accounting.post(trip(first, order="o-1"))
    await accounting.post(trip(second, 60 * 5 - 60 * 24 * 30, order="o-1"), trip(first, -60 * 24 * 60, order="o-1"))
    assert await reasons(accounting, second) == ["COUNTED_ELSEWHERE"]
    assert sorted(await reasons(accounting, first)) == ["CREDITED", "DUPLICATE_ACT"]


async def test_a6_equal_order_numbers_of_two_partners_are_two_trips(accounting: Accounting) -> None:
    first, second = await crowd(accounting, 2)
    await accounting.post(trip(first, order="o-1"), trip(second, order="o-1", partner=OTHER))
    assert [await reasons(accounting, person) for person in (first, second)] == [["CREDITED"], ["CREDITED"]]


async def test_a6_two_partners_report_one_car_at_one_time(accounting: Accounting) -> None:
    first, second, third = await crowd(accounting, 3)
    await accounting.post(trip(first, order="a", vehicle=PLATE))
    await accounting.post(trip(second, 10, order="b", vehicle="鄂a 12345", partner=OTHER))
    await accounting.post(trip(third, 20, order="c", vehicle="鄂A-12345", partner=OTHER))  # the next passenger
    assert await reasons(accounting, first) == ["CREDITED"]
    page: Any = await accounting.get(second, "/me/activities")
    assert [item["reason_code"] for item in page["items"]] == ["VEHICLE_COUNTED"]
    assert "同乘" in page["items"][0]["reason"]
    assert await reasons(accounting, third) == ["CREDITED"]


@pytest.mark.parametrize(("partner", "reason"), [(PARTNER, "VEHICLE_COUNTED"), (OTHER, "CREDITED")])
async def test_a6_a_bikes_number_names_one_bike_of_its_fleet(accounting: Accounting, partner: str, reason: str) -> None:
    first, second = await crowd(accounting, 2)
    await accounting.post(trip(first, vehicle="0100482", vehicle_type="bicycle"))
    await accounting.post(trip(second, vehicle="0100482", vehicle_type="bicycle", partner=partner))
    assert await reasons(accounting, second) == [reason]


@pytest.mark.parametrize(
    ("said", "credited"),
    [
        ([None, None], 1),
        ([1, 2], 1),
        ([2, 2], 2),
        ([2, 2, 2], 2),
        ([3, 3, 2], 2),
        ([9] * 4, 4),
        ([2, None], 1),
    ],
)
async def test_a6_a_shared_ride_counts_for_as_many_as_it_reports(
    accounting: Accounting, said: list[int | None], credited: int
) -> None:
    people = await crowd(accounting, len(said))
    rides = [
        trip(person, n, order=f"o-{n}", vehicle=PLATE, people=count)
        for n, (person, count) in enumerate(zip(people, said, strict=True))
    ]
    await accounting.post(*rides)
    codes = await all_reasons(accounting, people)
    assert codes == ["CREDITED"] * credited + ["VEHICLE_COUNTED"] * (len(said) - credited)


async def test_a6_passengers_one_after_the_other_do_not_fill_the_seats(accounting: Accounting) -> None:
    whole_way, first_half, second_half = await crowd(accounting, 3)
    await accounting.post(trip(first_half, 0, minutes=20, vehicle=PLATE, people=2))
    await accounting.post(trip(second_half, 20, minutes=20, vehicle=PLATE, people=2))
    await accounting.post(trip(whole_way, 0, minutes=40, vehicle=PLATE, people=2))
    assert await reasons(accounting, whole_way) == ["CREDITED"]


async def test_a6_a_bicycle_carries_one_person_whatever_is_reported(accounting: Accounting) -> None:
    first, second = await crowd(accounting, 2)
    await accounting.post(
        *(trip(person, vehicle="0100482", vehicle_type="bicycle", people=5) for person in (first, second))
    )
    assert await reasons(accounting, second) == ["VEHICLE_COUNTED"]


async def test_a6_a_reversed_trip_gives_its_vehicle_and_number_back(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    first, second, third = await crowd(accounting, 3)
    ride = trip(first, order="o-1", vehicle=PLATE)
    await accounting.post(ride)
    await accounting.post(cancel(first, ride))
    await accounting.release()
    await accounting.post(trip(second, order="o-1", vehicle=PLATE))
    await accounting.post(trip(third, order="o-1", vehicle=PLATE))
    assert await reasons(accounting, second) == ["CREDITED"]
    assert await reasons(accounting, third) == ["VEHICLE_COUNTED"]
    connection = await asyncpg.connect(accounting_dsns.admin)
    counts = [
        await connection.fetchval(f"SELECT count(*) FROM accounting.{t}") for t in ("counted_number", "counted_use")
    ]
    await connection.close()
    assert counts == [1, 1]


async def test_a6_a_refused_trip_uses_nothing_up(accounting: Accounting) -> None:
    first, second = await crowd(accounting, 2)
    await accounting.post(
        *(trip(first, -60 * n, order=f"o-{n}", vehicle=f"car-{n}") for n in (3, 2)),
        trip(first, order="o", vehicle=PLATE),
    )
    await accounting.post(trip(second, order="o", vehicle=PLATE))
    assert (await reasons(accounting, first))[0] == "DAILY_CAP"
    assert await reasons(accounting, second) == ["CREDITED"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_a6_a_late_binding_cannot_count_a_trip_twice(accounting: Accounting, order: tuple[int, ...]) -> None:
    bound = await accounting.citizen()
    late = [await accounting.citizen(OTHER) for _ in range(2)]
    people = [bound, *late]
    await accounting.post(*(trip(people[n], order="o-1", vehicle=PLATE) for n in order))
    for person in late:
        await accounting.bind(person, PARTNER)
    await accounting.release()
    codes = sorted(await all_reasons(accounting, people))
    assert codes == ["CREDITED", "VEHICLE_COUNTED", "VEHICLE_COUNTED"]


async def test_a6_the_refused_person_is_not_told_whose_trip_it_is(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    first, second = await crowd(accounting, 2)
    ride = trip(first, order="o-1")
    await accounting.post(ride, trip(second, order="o-1"))
    connection = await asyncpg.connect(accounting_dsns.admin)
    told = await connection.fetchval(
        "SELECT judgement::text FROM accounting.activity WHERE account_id = $1", second.account_id
    )
    await connection.close()
    assert str(ride.event_key) not in told


@pytest.mark.parametrize("people_said", [None, 2])
async def test_a6_writers_side_by_side_credit_a_vehicle_as_often_as_allowed(
    accounting: Accounting, people_said: int | None
) -> None:
    people = await crowd(accounting, 8)
    await accounting.post(*(person.metro() for person in people))
    await asyncio.gather(
        *(
            accounting.post(trip(person, n, order=f"o-{n}", vehicle=PLATE, people=people_said))
            for n, person in enumerate(people)
        )
    )
    codes = await all_reasons(accounting, people)
    assert codes.count("VEHICLE_COUNTED") == 8 - (people_said or 1)


async def test_a6_writers_side_by_side_credit_a_number_once(accounting: Accounting) -> None:
    people = await crowd(accounting, 6)
    await accounting.post(*(person.metro() for person in people))

    async def post(person: Reports) -> None:
        ride, done = trip(person, order="o-1"), False
        while not done:  # as the consumer, which repeats a poll that a unique key refused
            with contextlib.suppress(asyncpg.UniqueViolationError):
                await accounting.post(ride)
                done = True

    await asyncio.gather(*(post(person) for person in people))
    codes = await all_reasons(accounting, people)
    assert codes.count("COUNTED_ELSEWHERE") == 5


async def test_a6_reports_without_keys_are_credited_as_before(accounting: Accounting) -> None:
    first, second = await crowd(accounting, 2)
    await accounting.post(trip(first), trip(second))
    assert [await reasons(accounting, person) for person in (first, second)] == [["CREDITED"], ["CREDITED"]]


# --- A15: one person makes one trip at a time ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes_after", "reason"),
    [(6, "DUPLICATE_ACT"), (18.9, "DUPLICATE_ACT"), (19, "CREDITED"), (20, "CREDITED")],
)
async def test_a15_two_bikes_at_once_are_one_ride_beyond_the_error_of_the_clocks(
    accounting: Accounting, minutes_after: float, reason: str
) -> None:
    """14 of 20 minutes at once were two rides while the limit was 70 %."""
    person = await accounting.citizen(PARTNER, OTHER)
    await accounting.post(trip(person, vehicle="1", vehicle_type="bicycle"))
    await accounting.post(trip(person, minutes_after, vehicle="2", vehicle_type="bicycle", partner=OTHER))
    assert sorted(await reasons(accounting, person)) == sorted(["CREDITED", reason])


async def test_a15_a_car_inside_a_longer_bike_ride_is_one_act(accounting: Accounting) -> None:
    person = await accounting.citizen()
    await accounting.post(trip(person, minutes=60, vehicle_type="bicycle"), trip(person, 50, minutes=20))
    assert sorted(await reasons(accounting, person)) == ["CREDITED", "DUPLICATE_ACT"]
