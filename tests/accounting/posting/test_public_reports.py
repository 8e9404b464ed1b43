"""Faults that users of comparable systems reported in public, tried here. Each test names its source.

Meters (A5), physical trips (A6), freed room (A8), implausible amounts (A14) and exclusive modes (A15).
"""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from services.ingest import event_types
from shared.contracts.identity import event_key
from tests.accounting.both_services import BothServices, Told
from tests.accounting.driver import Accounting
from tests.accounting.operators import LedgerOperators
from tests.accounting.posting.test_uniqueness import OTHER, PLATE, all_reasons, crowd, power, reasons, trip
from tests.accounting.reports import PARTNER, YESTERDAY, cancel
from tests.accounting.stories import (
    CANCELLED,
    CREDITED_BUS,
    HOUR,
    Citizen,
    bound_citizen,
    lifetime_mg,
    over_http,
    told,
)
from tests.ingest.samples import event, revision

DAY = timedelta(days=1)
REPEAT = Told("refused", "DUPLICATE_ACT")
DAY_FULL = Told("refused", "DAILY_CAP")


def hour_of_meter(citizen: Citizen, event_id: str, start: str, end: str, **data: Any) -> dict[str, Any]:
    """An hour of electricity saved yesterday. `start` and `end` are times with an offset, such as `02:00+02:00`."""
    fields = {"meter_ref": "4201-7", "energy_wh": 500, "baseline_wh": 2000} | data
    day = YESTERDAY.date()
    return event(
        event_id,
        event_types.ENERGY,
        partner=PARTNER,
        account_ref=citizen.reference,
        period_start=f"{day}T{start}",
        period_end=f"{day}T{end}",
        **fields,
    )


def car_trip(citizen: Citizen, order: str, people: int | None = None) -> dict[str, Any]:
    """The data of a trip in one electric car yesterday morning."""
    data = {
        "account_ref": citizen.reference,
        "trip_id": order,
        "vehicle_type": "car",
        "propulsion_type": "electric",
        "vehicle_ref": PLATE,
        "start_time": (YESTERDAY + 8 * HOUR).isoformat(),
        "end_time": (YESTERDAY + 8 * HOUR + HOUR / 3).isoformat(),
        "distance": 6000,
        "city_code": "420100",
        "passenger_count": people,
    }
    return {name: value for name, value in data.items() if value is not None}


# --- A5: each metered hour of a meter counts once --------------------------------------------------------------------


async def test_a5_an_estimated_hour_and_the_period_that_catches_up_count_once(accounting: Accounting) -> None:
    """evcc-io/evcc#30605: after a failed read an hour was estimated, and the next meter delta contained it again."""
    person = await accounting.citizen()
    estimated = power(person, "m1", YESTERDAY + 7 * HOUR, YESTERDAY + 8 * HOUR, energy_wh=700)
    catching_up = power(person, "m1", YESTERDAY + 6 * HOUR, YESTERDAY + 9 * HOUR, energy_wh=2_100)
    after = power(person, "m1", YESTERDAY + 9 * HOUR, YESTERDAY + 10 * HOUR, energy_wh=700)
    await accounting.post(estimated)
    await accounting.post(catching_up, after)
    assert await reasons(accounting, person) == ["CREDITED", "CREDITED", "METER_COUNTED"]


async def test_a5_rows_of_a_tariff_that_carry_the_whole_day_count_one_day(accounting: Accounting) -> None:
    """bolagnaise/globird-ha#23: one row per tariff, each with the usage of the whole day, counted the day per row."""
    first, second = await crowd(accounting, 2)
    rows = [power(first, "m1", YESTERDAY, YESTERDAY + DAY, energy_wh=wh) for wh in (9_000, 9_000, 9_000)]
    await accounting.post(*rows, power(second, "m1 ", YESTERDAY, YESTERDAY + DAY, energy_wh=9_000))
    codes = await all_reasons(accounting, (first, second))
    assert (codes.count("CREDITED"), codes.count("METER_COUNTED")) == (1, 3)


async def test_a5_the_hour_that_a_clock_change_repeats_is_two_hours(both: BothServices) -> None:
    """eddie-energy/eddie#960: a day of 25 hours. Two hours look alike, one hour may be written in two ways."""
    citizen = await bound_citizen(both)
    await both.push(
        hour_of_meter(citizen, "summer", "02:00:00+02:00", "03:00:00+02:00"),
        hour_of_meter(citizen, "winter", "02:00:00+01:00", "03:00:00+01:00"),
        hour_of_meter(citizen, "again", "09:00:00+08:00", "10:00:00+08:00"),
    )
    await both.sweep()
    codes = [(await over_http(both, name)).reason_code for name in ("summer", "winter", "again")]
    assert codes == ["CREDITED", "CREDITED", "DUPLICATE_ACT"]


# --- A6: one physical trip, one credit -------------------------------------------------------------------------------


async def test_a6_passengers_whose_number_was_left_out_are_credited_after_corrections(both: BothServices) -> None:
    """covoiturage-gouv-fr/mono#1666: an operator left out what groups the passengers of one car."""
    people = [await bound_citizen(both) for _ in range(3)]
    names = [f"{uuid.uuid4()}-{number}" for number in range(3)]
    trips = [
        event(name, event_types.TRIP, partner=PARTNER) | {"data": car_trip(person, name)}
        for name, person in zip(names, people, strict=True)
    ]
    await both.push(*trips)
    await both.sweep()
    codes = [(await over_http(both, name)).reason_code for name in names]
    assert sorted(map(str, codes)) == ["CREDITED", "VEHICLE_COUNTED", "VEHICLE_COUNTED"]
    # The correction of the credited trip comes last in the batch, and last in the order of the keys.
    order = sorted(range(3), key=lambda place: codes[place] == "CREDITED")
    fixes = sorted((f"fix-{uuid.uuid4()}" for _ in range(3)), key=lambda name: event_key(PARTNER, name))
    await both.push(
        *(
            revision(
                fix, event_types.CORRECTED, names[n], partner=PARTNER, data=car_trip(people[n], names[n], people=3)
            )
            for fix, n in zip(fixes, order, strict=True)
        )
    )
    await both.sweep()
    assert [(await over_http(both, fix)).reason_code for fix in fixes] == ["CREDITED"] * 3
    assert {(await both.webhook_view())[fix][0] for fix in fixes} == {1}  # none was refused before


async def test_a6_one_plate_with_two_drivers_counts_for_one_until_it_is_free(accounting: Accounting) -> None:
    """STS-Rosario/carpoolear#122: trips of one day with one plate and different drivers, unless one is the way back."""
    driver, stranger = await crowd(accounting, 2)
    await accounting.post(trip(driver, vehicle="AB 123-CD"), trip(stranger, 5, vehicle="ab123cd", partner=OTHER))
    await accounting.post(trip(stranger, 40, vehicle="AB·123·CD", partner=OTHER))
    assert await reasons(accounting, driver) == ["CREDITED"]
    assert await reasons(accounting, stranger) == ["CREDITED", "VEHICLE_COUNTED"]


async def test_a6_a_trip_whose_start_drifted_is_the_same_trip(accounting: Accounting) -> None:
    """hasadna/open-bus-map-search#1776: a journey was stored again whenever its start drifted by some minutes."""
    first, second = await crowd(accounting, 2)
    await accounting.post(trip(first, order="o-1", vehicle=PLATE))
    await accounting.post(
        trip(first, 2, order="o-1/2", vehicle=PLATE),
        trip(second, 4, order="o-1/3", vehicle=PLATE),
        trip(second, 600, order="o-1", vehicle=PLATE),  # the number came back with a drift of hours
    )
    assert sorted(await reasons(accounting, first)) == ["CREDITED", "DUPLICATE_ACT"]
    assert await reasons(accounting, second) == ["COUNTED_ELSEWHERE", "VEHICLE_COUNTED"]


# --- A8: freed room goes to the acts that were refused for it --------------------------------------------------------


async def test_a8_a_reversal_by_operators_frees_room_as_a_cancellation_does(
    accounting: Accounting, ledger_operators: LedgerOperators
) -> None:
    """codebar/planner#184, jemproject/JEM-Project#555: only the user's own cancellation moved the waiting list."""
    person = await accounting.citizen()
    rides = [person.bus() for _ in range(4)]
    await accounting.post(*rides)
    proposal = await ledger_operators.propose_reversal("ann", rides[1].event_key)
    approved = await ledger_operators.call("bob", f"/reversals/{proposal}/approve", {"reason": "已核对"})
    assert approved.status_code == 200, approved.text
    await accounting.release()
    late = person.bus(YESTERDAY + HOUR)  # whoever comes after the waiting list was served does not overtake it
    await accounting.post(late)
    page: Any = await accounting.get(person, "/me/activities")
    codes = {item["activity_id"]: item["reason_code"] for item in page["items"]}
    assert [codes[str(ride.event_key)] for ride in (*rides, late)] == [
        "CREDITED",
        "REVOKED",
        "CREDITED",
        "DAILY_CAP",
        "DAILY_CAP",
    ]


async def test_a8_a_ride_that_is_cancelled_twice_frees_its_room_once(both: BothServices) -> None:
    """woocommerce/woocommerce#9086: the usage of a coupon was given back twice and became negative."""
    person = await both.accounting.citizen()
    rides = [person.bus(YESTERDAY + (6 + number) * HOUR) for number in range(4)]
    first, second = cancel(person, rides[0]), cancel(person, rides[0])
    await both.send(*rides)
    await both.send(first, second)
    for _ in range(3):
        await both.sweep()
    assert await told(both, *rides) == [CANCELLED, CREDITED_BUS, CREDITED_BUS, DAY_FULL]
    answers = await told(both, first, second)
    assert sorted(str(one.reason_code) for one in answers) == ["ALREADY_REVERSED", "CANCELLED"]
    used = await both.admin.fetchval("SELECT acts FROM accounting.cap_usage WHERE subject_id = $1", person.account_id)
    assert used == 2


@pytest.mark.parametrize("days_before", [-10, 14])
async def test_a8_a_cancelled_period_gives_its_hours_to_the_one_refused_for_it(
    both: BothServices, days_before: int
) -> None:
    """OCA/sale-promotion#39: a cancelled order still used up the limit. Here: the hours of a meter."""
    person = await both.accounting.citizen()
    start = YESTERDAY - 40 * DAY
    counted = power(person, "m1", start, start + 20 * DAY)
    refused = power(person, "m1", start - days_before * DAY, start + (20 - days_before) * DAY)
    await both.send(counted, refused)
    await both.sweep()
    assert (await both.partner_view(refused.event_id)).reason_code == "METER_COUNTED"
    await both.send(cancel(person, counted))
    await both.sweep()
    assert (await both.partner_view(refused.event_id)).reason_code == "CREDITED"


async def test_a8_a_number_used_for_another_day_is_free_again_after_the_cancellation(both: BothServices) -> None:
    """paynl/magento2-plugin#176: the coupon of a cancelled order stayed used. Here: the order number of a trip."""
    person = await both.accounting.citizen()
    wrong = trip(person, order="o-1")
    right = trip(person, -5 * 24 * 60, order="o-1")  # the true day, reported under a new event id
    await both.send(wrong, right)
    await both.sweep()
    assert await told(both, right) == [REPEAT]
    await both.send(cancel(person, wrong))
    await both.sweep()
    assert [one.reason_code for one in await told(both, wrong, right)] == ["CANCELLED", "CREDITED"]
    assert await both.reconciled_mg() == await lifetime_mg(both, person) == 210_000


# --- A14: implausible amounts ----------------------------------------------------------------------------------------


async def test_a14_the_largest_number_of_a_counter_and_a_shifted_decimal_point_earn_nothing(
    both: BothServices,
) -> None:
    """home-assistant/core#176707: 2^32 Wh in an hour. nordicopen/easee_hass#440: ten times the meter's total."""
    citizen = await bound_citizen(both)
    await both.push(
        hour_of_meter(citizen, "overflow", "01:00:00+08:00", "02:00:00+08:00", energy_wh=2**32, baseline_wh=None),
        hour_of_meter(citizen, "shifted", "02:00:00+08:00", "03:00:00+08:00", energy_wh=319_994_400, baseline_wh=None),
        hour_of_meter(citizen, "above", "03:00:00+08:00", "04:00:00+08:00", energy_wh=20_000),
    )
    await both.sweep()
    for name in ("overflow", "shifted", "above"):
        assert await over_http(both, name) == Told("refused", "IMPLAUSIBLE_AMOUNT")
    assert await lifetime_mg(both, citizen) == 0


@pytest.mark.parametrize(
    ("distance_m", "minutes", "reason"),
    [(140_000, 100, "CREDITED"), (140_000, 5, "IMPLAUSIBLE_SPEED"), (500_000, 240, "IMPLAUSIBLE_DISTANCE")],
)
async def test_a14_a_long_trip_is_judged_by_its_time(
    accounting: Accounting, distance_m: int, minutes: int, reason: str
) -> None:
    """KanishJebaMathewM/Truxify#4590: a jump scored like a day's drive, because only distances were summed."""
    person = await accounting.citizen()
    await accounting.post(person.car(distance_m=distance_m, minutes=minutes))
    assert await reasons(accounting, person) == [reason]


# --- A15: one person makes one trip at a time ------------------------------------------------------------------------


async def test_a15_a_trip_and_its_second_half_are_one_trip(accounting: Accounting) -> None:
    """SquidBytes/LightningROD#94: a stop on the way made two records that end at the same instant."""
    person = await accounting.citizen()
    await accounting.post(trip(person, 30, minutes=11, order="rest"), trip(person, minutes=41, order="whole"))
    assert sorted(await reasons(accounting, person)) == ["CREDITED", "DUPLICATE_ACT"]


async def test_a15_two_phones_of_one_person_record_one_ride(accounting: Accounting) -> None:
    """KnockSoftware/RideReportIssues#32: two phones of one user logged the same ride with two results."""
    person = await accounting.citizen(PARTNER, OTHER)
    await accounting.post(trip(person, 0.4, minutes=19, vehicle_type="bicycle", order="a"))
    await accounting.post(trip(person, 1.9, minutes=23, vehicle_type="bicycle", order="b", partner=OTHER))
    assert sorted(await reasons(accounting, person)) == ["CREDITED", "DUPLICATE_ACT"]


async def test_a15_a_copy_with_a_wrong_time_zone_has_the_number_of_its_ride(accounting: Accounting) -> None:
    """cpfair/tapiriik#177: a wrong time zone made a copy of a ride that lay hours apart from it."""
    person = await accounting.citizen()
    await accounting.post(trip(person, order="o-1"), trip(person, -8 * 60, order="o-1"))
    assert sorted(await reasons(accounting, person)) == ["CREDITED", "DUPLICATE_ACT"]
