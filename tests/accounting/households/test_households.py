"""Caps that people share, and grams of households, over the log and HTTP on a real database."""

import json
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.accounting.checks import service as checks
from services.accounting.proofs.schemas import Bundle
from services.accounting.proofs.verification import check_bundle
from services.accounting.what_if import service as what_if
from shared import clock
from tests.accounting.driver import Accounting
from tests.accounting.households.homes import (
    BUS_MG,
    KWH_MG,
    METER,
    MONTHLY_MG,
    TOGETHER_A_DAY,
    Home,
    bus_document,
    cap,
    family,
    handle_facts,
    publish,
    ride,
    saving,
    unpublish,
)
from tests.accounting.reports import PARTNER, YESTERDAY, Reports, cancel, correct
from tests.databases import Dsns


@pytest.fixture(autouse=True)
async def district(accounting: Accounting, accounting_dsns: Dsns) -> AsyncIterator[None]:
    await publish(accounting.database)
    yield
    await unpublish(accounting_dsns)


async def reasons(accounting: Accounting, person: Reports) -> list[str]:
    """Return the reason codes of all acts of a person, in time order."""
    items: Any = (await accounting.get(person, "/me/activities?limit=100"))["items"]
    return [item["reason_code"] for item in reversed(items)]


async def test_a_limit_is_shared_by_a_household(accounting: Accounting) -> None:
    _, [anna, bert] = await family(accounting)
    await accounting.post(ride(anna), ride(bert), ride(anna), ride(bert))
    assert await reasons(accounting, anna) == ["CREDITED", "CREDITED"]
    assert await reasons(accounting, bert) == ["CREDITED", "DAILY_CAP"]
    items: Any = (await accounting.get(bert, "/me/activities"))["items"]
    [refused] = [item for item in items if item["status"] == "refused"]
    assert refused["reason"] == "household 已满"
    detail: Any = await accounting.get(bert, f"/me/activities/{refused['activity_id']}")
    [full] = detail["explanation"]["caps"]
    assert (full["per"], full["used_before"], full["limit"]) == ("household", TOGETHER_A_DAY, TOGETHER_A_DAY)
    assert full["text"]["zh"] == "当天上限 3 次（全家合计），此前已计 3 次"
    [credited] = [item for item in items if item["status"] == "credited"]
    detail = await accounting.get(bert, f"/me/activities/{credited['activity_id']}")
    assert [cap["text"]["en"] for cap in detail["explanation"]["caps"]] == [
        "limit 5 acts that day, 0 counted before",
        "limit 3 acts that day for you alone, 0 counted before",
        "limit 3 acts that day for the household together, 1 counted before",
        "limit 1.10 kg that month for you alone, 0 g counted before",
        "limit 1.10 kg that month for the household together, 150 g counted before",
    ]


async def test_a_person_without_a_household_has_the_household_limit_alone(accounting: Accounting) -> None:
    anna, bert = await accounting.citizen(), await accounting.citizen()
    await accounting.post(*[ride(anna) for _ in range(4)], ride(bert))
    assert await reasons(accounting, anna) == ["CREDITED"] * TOGETHER_A_DAY + ["DAILY_CAP"]
    assert await reasons(accounting, bert) == ["CREDITED"]


async def test_a_move_between_households_resets_no_limit_until_the_period_ends(accounting: Accounting) -> None:
    day = YESTERDAY.replace(day=1) - timedelta(days=10)
    old, [anna, bert] = await family(accounting)
    new, carl = Home(accounting), await accounting.citizen()
    await new.enter(carl)
    await old.leave(anna, day + timedelta(hours=9))
    await new.enter(anna, at=day + timedelta(hours=10))

    def at(hour: int, days: int = 0) -> Any:
        return day + timedelta(days=days, hours=hour)

    await accounting.post(
        ride(anna, at(8)),
        ride(carl, at(11)),
        ride(anna, at(12)),  # counts in the new household and, until midnight, in the old one
        ride(bert, at(13)),
        ride(bert, at(14)),  # the third ride of the old household
        ride(carl, at(15)),
        ride(carl, at(16)),
        ride(anna, at(17)),
    )
    assert await reasons(accounting, anna) == ["CREDITED", "CREDITED", "DAILY_CAP"]
    assert await reasons(accounting, bert) == ["CREDITED", "DAILY_CAP"]
    assert await reasons(accounting, carl) == ["CREDITED", "CREDITED", "DAILY_CAP"]
    # Another day: the old household no longer counts her.
    await accounting.post(*[ride(bert, at(8 + n, 1)) for n in range(2)], ride(anna, at(8, 1)), ride(bert, at(20, 1)))
    assert (await reasons(accounting, bert))[2:] == ["CREDITED", "CREDITED", "CREDITED"]


async def test_leaving_one_household_and_entering_another_gains_nothing(accounting: Accounting) -> None:
    """The cap is used up in one household, then alone, then in a new one. The person's own counter keeps its value."""
    day = YESTERDAY
    first, second, anna = Home(accounting), Home(accounting), await accounting.citizen()
    await first.enter(anna)
    await first.leave(anna, day + timedelta(hours=10))
    await second.enter(anna, at=day + timedelta(hours=14))
    await accounting.post(*[ride(anna, day + timedelta(hours=hour)) for hour in (7, 8, 9, 12, 16)])
    assert await reasons(accounting, anna) == ["CREDITED"] * TOGETHER_A_DAY + ["DAILY_CAP"] * 2


async def test_electricity_saved_by_a_household_is_credited_to_the_household(accounting: Accounting) -> None:
    home, [anna, bert] = await family(accounting)
    stranger = await accounting.citizen()
    await accounting.post(saving(anna, METER))
    for person in (anna, bert):
        balance = await accounting.get(person, f"/households/{home.household_id}/balance")
        assert balance == {
            "household_id": str(home.household_id),
            "account_id": str(home.account_id),
            "available_mg": KWH_MG,
            "pending_mg": 0,
            "debt_mg": 0,
            "lifetime_mg": KWH_MG,
            "display": "525 克",
        }
        assert (await accounting.get(person, "/me/balance"))["lifetime_mg"] == 0
    items: Any = (await accounting.get(anna, "/me/activities"))["items"]
    assert items[0]["reason"] == "累计 525 克，记入家庭账户。"
    for household_id, person in ((home.household_id, stranger), (uuid.uuid4(), anna)):
        answer = await accounting.client.get(
            f"/api/v1/accounting/households/{household_id}/balance",
            headers=accounting.tokens.citizen(person.user_id),
        )
        assert (answer.status_code, answer.json()["code"]) == (404, "HOUSEHOLD_NOT_FOUND")
    await home.leave(bert, clock.now())
    gone = await accounting.client.get(
        f"/api/v1/accounting/households/{home.household_id}/balance",
        headers=accounting.tokens.citizen(bert.user_id),
    )
    assert gone.status_code == 404


async def test_an_act_without_a_household_or_with_a_foreign_meter_is_refused(accounting: Accounting) -> None:
    home, [anna, _] = await family(accounting)
    alone, newcomer = await accounting.citizen(), await accounting.citizen()
    other = Home(accounting)
    await other.enter(newcomer, at=YESTERDAY + timedelta(hours=1))
    await other.register("another", at=YESTERDAY + timedelta(hours=1))
    await accounting.post(
        saving(alone, "of-nobody"),
        saving(newcomer, "another"),  # its day began before they moved in
        saving(anna, "another"),
        saving(anna, None, YESTERDAY - timedelta(days=1)),
        saving(anna, METER, YESTERDAY - timedelta(days=500)),
        saving(anna, METER),
    )
    assert await reasons(accounting, alone) == ["HOUSEHOLD_REQUIRED"]
    assert await reasons(accounting, newcomer) == ["HOUSEHOLD_REQUIRED"]
    assert sorted(await reasons(accounting, anna)) == [
        "CREDITED",
        "METER_NOT_OF_HOUSEHOLD",
        "METER_UNKNOWN",
        "TOO_LATE",
    ]
    assert (await accounting.get(anna, f"/households/{home.household_id}/balance"))["available_mg"] == KWH_MG


async def test_a_meter_counts_once_for_all_reporting_members(accounting: Accounting) -> None:
    home, [anna, bert] = await family(accounting)
    await accounting.bind(bert, "grid")
    await accounting.post(saving(anna, METER), saving(bert, METER, partner="grid"))
    assert await reasons(accounting, bert) == ["METER_COUNTED"]
    days = [YESTERDAY.replace(day=1) - timedelta(days=5 - n) for n in range(5)]
    await accounting.post(*[saving(bert, METER, day) for day in days])
    assert await reasons(accounting, bert) == [
        "CREDITED", "CREDITED", "CREDITED", "PARTLY_CAPPED", "MONTHLY_CAP", "METER_COUNTED",
    ]  # fmt: skip
    balance = await accounting.get(anna, f"/households/{home.household_id}/balance")
    assert balance["available_mg"] == KWH_MG + MONTHLY_MG


async def test_allowances_mark_shared_caps(accounting: Accounting) -> None:
    _, [anna, bert] = await family(accounting)
    alone = await accounting.citizen()
    now = clock.now()
    await accounting.post(ride(anna, now, minutes=None), ride(bert, now, minutes=None))

    async def caps(person: Reports) -> dict[str, tuple[Any, ...]]:
        items: Any = (await accounting.get(person, "/me/allowances"))["items"]
        found = [cap for item in items for cap in item["caps"] if cap["cap_id"].startswith("home_")]
        return {cap["cap_id"]: (cap["per"], cap["shared"], cap["used"], cap["left"]) for cap in found}

    together = await caps(anna)
    assert together["home_bus.daily"] == ("account", False, 1, 4)
    assert together["home_bus.daily_together"] == ("household", True, 2, 1)
    assert together["home_bus.monthly_together"] == ("household", True, 2 * BUS_MG, 1_100_000 - 2 * BUS_MG)
    assert together["home_power.meter"] == ("meter", True, 0, 1)
    assert (await caps(alone))["home_bus.daily_together"] == ("household", False, 0, 3)


async def test_a_cancellation_gives_back_once_to_the_counted_subject(accounting: Accounting) -> None:
    home, [anna, bert] = await family(accounting)
    first = saving(anna, METER)
    rides = [ride(anna), ride(bert), ride(bert)]
    await accounting.post(first, *rides)
    await home.leave(anna, clock.now())  # the counter of the household gets its usage back
    await accounting.post(cancel(anna, first), cancel(anna, first), cancel(anna, rides[0]))
    await accounting.release()
    assert (await accounting.get(bert, f"/households/{home.household_id}/balance"))["lifetime_mg"] == 0
    await accounting.post(ride(bert, YESTERDAY), ride(bert, YESTERDAY + timedelta(hours=1)), saving(bert, METER))
    assert sorted(await reasons(accounting, bert)) == ["CREDITED"] * 4 + ["DAILY_CAP"]
    assert (await accounting.get(bert, f"/households/{home.household_id}/balance"))["lifetime_mg"] == KWH_MG


async def test_a_corrected_act_is_counted_again(accounting: Accounting) -> None:
    home, [anna, _] = await family(accounting)
    first = saving(anna, METER)
    await accounting.post(first)
    await accounting.post(correct(anna, first, saving(anna, METER, energy_wh=2000)))
    await accounting.release()
    balance = await accounting.get(anna, f"/households/{home.household_id}/balance")
    assert (balance["available_mg"], balance["debt_mg"]) == (2 * KWH_MG, 0)


async def test_grams_of_a_household_vest(accounting: Accounting, accounting_dsns: Dsns) -> None:
    await unpublish(accounting_dsns)
    accounting.forget_library()
    await publish(accounting.database, vesting_days=7)
    home, [anna, _] = await family(accounting)
    old = clock.now() - timedelta(days=8)
    day = YESTERDAY - timedelta(days=20)
    await accounting.post(saving(anna, METER, day, received_at=old), saving(anna, METER))
    before = await accounting.get(anna, f"/households/{home.household_id}/balance")
    assert (before["available_mg"], before["pending_mg"], before["lifetime_mg"]) == (0, 2 * KWH_MG, 2 * KWH_MG)
    await accounting.release()
    after = await accounting.get(anna, f"/households/{home.household_id}/balance")
    assert (after["available_mg"], after["pending_mg"], after["lifetime_mg"]) == (KWH_MG, KWH_MG, 2 * KWH_MG)


async def test_parked_and_new_acts_of_a_household_are_judged_in_log_order(accounting: Accounting) -> None:
    home, [anna, bert] = await family(accounting)
    late = await accounting.citizen("another-partner")
    await home.enter(late)
    await accounting.post(ride(late), ride(late))
    await accounting.bind(late, PARTNER)
    await accounting.post(ride(late), ride(anna), ride(bert))
    assert await reasons(accounting, late) == ["CREDITED"] * 3
    assert await reasons(accounting, anna) == await reasons(accounting, bert) == ["DAILY_CAP"]


async def test_the_bundle_of_a_household_credit_recomputes(accounting: Accounting) -> None:
    _, [anna, _] = await family(accounting)
    await accounting.post(saving(anna, METER), *[ride(anna) for _ in range(4)])
    items: Any = (await accounting.get(anna, "/me/activities"))["items"]
    for item in items:
        bundle: Any = await accounting.get(anna, f"/me/activities/{item['activity_id']}/bundle")
        checks = check_bundle(Bundle.model_validate(bundle))
        assert [check for check in checks if not check.ok] == []
        for counter in bundle["judgement"]["caps"]:
            counter["per"] = "meter"  # names another subject than the rule counts
        if bundle["judgement"]["caps"]:
            assert [check for check in check_bundle(Bundle.model_validate(bundle)) if not check.ok]


async def test_the_check_finds_a_changed_household_counter(accounting: Accounting, accounting_dsns: Dsns) -> None:
    home, [anna, bert] = await family(accounting)
    await accounting.post(ride(anna), ride(bert), saving(anna, METER))
    connection = await asyncpg.connect(accounting_dsns.admin)
    where = "WHERE subject_id = $1 AND cap_id = 'home_bus.daily_together'"
    await connection.execute(f"UPDATE accounting.cap_usage SET acts = acts + 1 {where}", home.account_id)
    async with accounting.database.transaction() as session:
        [found] = await checks.list_differences(session)
    assert found.name.startswith(f"{home.account_id} home_bus.daily_together")
    assert (await accounting.check())["caps_differing"] == 1
    await connection.execute(f"UPDATE accounting.cap_usage SET acts = acts - 1 {where}", home.account_id)
    await connection.close()
    async with accounting.database.transaction() as session:
        assert await checks.list_differences(session) == []


async def test_a_what_if_counts_a_household_together_across_batches(
    accounting: Accounting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(what_if, "PEOPLE_PER_BATCH", 1)
    _, people = await family(accounting)
    await accounting.post(*[ride(person) for person in people for _ in range(2)])
    caps = [cap("draft.daily_together", "household", acts=1)]
    text = json.dumps(bus_document() | {"caps": caps}, ensure_ascii=False)
    day, zone = YESTERDAY.date(), accounting.settings.time_zone
    async with accounting.database.transaction() as session:
        run = await what_if.start_run(
            session, text=text, first_day=day, last_day=day, reason="试算", subject="operator", today=clock.now().date()
        )
    for _ in range(4):
        async with accounting.database.transaction() as session:
            await what_if.advance_oldest_run(session, time_zone=zone)
    async with accounting.database.transaction() as session:
        done = await what_if.get_run(session, run_id=run.run_id)
    assert done.status == "finished"
    assert (done.acts, done.before_acts, done.after_acts, done.people) == (4, 3, 1, 2)


async def test_household_facts_arrive_in_any_order_and_bad_ones_become_dead_letters(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    home, [anna, _] = await family(accounting)
    first = home.stays[anna.user_id]
    await home.leave(anna, clock.now())
    assert await handle_facts(accounting, b"nonsense", first, b'{"fact":"member"}', b"\xff") == 3
    connection = await asyncpg.connect(accounting_dsns.admin)
    row = await connection.fetchrow(
        "SELECT version, left_at FROM accounting.household_member WHERE account_id = $1", anna.account_id
    )
    await connection.close()
    assert row is not None
    assert row["version"] == 2
    assert row["left_at"] is not None
