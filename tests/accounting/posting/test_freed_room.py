"""Room that a cancellation or a reversal frees goes to the acts that were refused for want of it."""

from typing import Any

import pytest

from services.accounting.posting import freed_room
from shared.contracts.activities_v1 import ActivityReported
from tests.accounting.both_services import BothServices, Told
from tests.accounting.households import homes
from tests.accounting.reports import YESTERDAY, Reports, cancel, correct
from tests.accounting.stories import (
    BUS_MG,
    CANCELLED,
    CREDITED_BUS,
    CREDITED_METRO,
    HOUR,
    REVERSED,
    lifetime_mg,
    listed,
    told,
)
from tests.databases import Dsns


def rides(person: Reports, count: int) -> list[ActivityReported]:
    """Bus rides of one day, an hour apart. Two a day are credited."""
    return [person.bus(YESTERDAY + (6 + number) * HOUR) for number in range(count)]


DAY_FULL = Told("refused", "DAILY_CAP")


async def test_a8_a_cancelled_ride_gives_its_room_to_the_first_ride_refused_for_it(both: BothServices) -> None:
    person = await both.accounting.citizen()
    four = rides(person, 4)
    await both.send(four[0], four[1], four[3], four[2])  # the order of the acts counts, not of their arrival
    await both.sweep()
    assert await told(both, *four) == [CREDITED_BUS, CREDITED_BUS, DAY_FULL, DAY_FULL]
    await both.send(cancel(person, four[0]))
    await both.sweep()
    assert await told(both, *four) == [CANCELLED, CREDITED_BUS, CREDITED_BUS, DAY_FULL]
    assert (await listed(both, person))[str(four[2].event_key)] == CREDITED_BUS
    assert (await both.webhook_view())[four[2].event_id] == (2, CREDITED_BUS)
    detail: Any = await both.accounting.get(person, f"/me/activities/{four[2].event_key}")
    assert detail["explanation"]["caps"][0]["used_before"] == 1
    assert await both.reconciled_mg() == await lifetime_mg(both, person) == 2 * BUS_MG
    await both.sweep()  # once
    assert await lifetime_mg(both, person) == 2 * BUS_MG
    await both.send(cancel(person, four[1]))
    await both.sweep()
    assert await told(both, *four) == [CANCELLED, CANCELLED, CREDITED_BUS, CREDITED_BUS]


async def test_a8_a_correction_to_another_day_frees_room(both: BothServices) -> None:
    person = await both.accounting.citizen()
    three = rides(person, 3)
    moved = correct(person, three[0], person.bus(YESTERDAY - 18 * HOUR))
    await both.send(*three, moved)
    await both.sweep()
    assert await told(both, *three, moved) == [REVERSED, CREDITED_BUS, CREDITED_BUS, CREDITED_BUS]


async def test_a8_a_corrected_ride_comes_before_the_refused_ones(both: BothServices) -> None:
    person = await both.accounting.citizen()
    three = rides(person, 3)
    moved = correct(person, three[0], person.bus(YESTERDAY + 20 * HOUR))
    await both.send(*three, moved)
    await both.sweep()
    assert await told(both, *three, moved) == [REVERSED, CREDITED_BUS, DAY_FULL, CREDITED_BUS]


async def test_a8_a_repeat_takes_the_place_of_its_cancelled_original(both: BothServices) -> None:
    person = await both.accounting.citizen()
    first = person.bus(YESTERDAY + 6 * HOUR)
    same = person.bus(YESTERDAY + 6 * HOUR)
    await both.send(first, same)
    await both.sweep()
    assert await told(both, first, same) == [CREDITED_BUS, Told("refused", "DUPLICATE_ACT")]
    await both.send(cancel(person, first))
    await both.sweep()
    assert await told(both, first, same) == [CANCELLED, CREDITED_BUS]


async def test_a8_a_repeat_follows_its_original_through_corrections(both: BothServices) -> None:
    person = await both.accounting.citizen()
    first, same = person.bus(YESTERDAY + 6 * HOUR), person.bus(YESTERDAY + 6 * HOUR)
    change = correct(person, first, person.metro(YESTERDAY + 6 * HOUR))
    await both.send(first, same, change)
    await both.sweep()
    assert await told(both, first, same, change) == [REVERSED, Told("refused", "DUPLICATE_ACT"), CREDITED_METRO]
    await both.send(cancel(person, change))
    await both.sweep()
    assert await told(both, same, change) == [CREDITED_BUS, CANCELLED]


async def test_a8_a_repeat_is_told_when_only_a_cap_keeps_it_out(both: BothServices) -> None:
    """Its verdict must not name an original that is cancelled."""
    person = await both.accounting.citizen()
    first, same = person.bus(YESTERDAY + 6 * HOUR), person.bus(YESTERDAY + 6 * HOUR)
    before, between = person.bus(YESTERDAY + 2 * HOUR), person.bus(YESTERDAY + 4 * HOUR)
    await both.send(first, same, before, between)
    await both.sweep()
    await both.send(cancel(person, first))
    await both.sweep()
    assert await told(both, first, same, before, between) == [CANCELLED, DAY_FULL, CREDITED_BUS, CREDITED_BUS]


async def test_a8_room_of_a_household_goes_to_its_members(both: BothServices, both_dsns: Dsns) -> None:
    await homes.publish(both.accounting.database)
    try:
        both.accounting.forget_library()
        anna, bert = await both.accounting.citizen(), await both.accounting.citizen()
        home = homes.Home(both.accounting)
        await home.enter(anna, bert)
        at = [YESTERDAY + (6 + number) * HOUR for number in range(5)]
        used = [anna.bus(at[0], city_code=homes.HOME_CITY), anna.bus(at[1], city_code=homes.HOME_CITY)]
        used.append(bert.bus(at[2], city_code=homes.HOME_CITY))
        left_out = [bert.bus(at[4], city_code=homes.HOME_CITY), anna.bus(at[3], city_code=homes.HOME_CITY)]
        await both.send(*used, *left_out)
        await both.sweep()
        assert await told(both, *left_out) == [DAY_FULL, DAY_FULL]
        await both.send(cancel(bert, used[2]))
        await both.sweep()
        assert await told(both, *left_out) == [DAY_FULL, CREDITED_BUS]
        await both.send(cancel(anna, used[0]))
        await both.sweep()
        assert await told(both, *left_out) == [CREDITED_BUS, CREDITED_BUS]
    finally:
        await homes.unpublish(both_dsns)


async def test_a8_a_long_queue_is_worked_off_in_steps(both: BothServices, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run judges a bounded number of acts, and the next one goes on behind them."""
    monkeypatch.setattr(freed_room, "_ACTS_MAX", 2)
    person = await both.accounting.citizen()
    nine = rides(person, 9)
    metros = [person.metro(YESTERDAY + (6 + number) * HOUR + HOUR / 2) for number in range(6)]
    await both.send(*nine, *metros)
    await both.sweep()
    await both.send(cancel(person, metros[1]), cancel(person, nine[0]))
    for _ in range(8):
        await both.sweep()
    assert await told(both, *nine[1:4]) == [CREDITED_BUS, CREDITED_BUS, DAY_FULL]
    assert await told(both, *metros[:4]) == [CREDITED_METRO, CANCELLED, CREDITED_METRO, DAY_FULL]
    assert await both.admin.fetchval("SELECT count(*) FROM accounting.freed_room") == 0
