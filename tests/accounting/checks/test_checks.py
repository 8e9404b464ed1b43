"""The checks: the running check in increments, an auditor's check, and the list of differences."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from services.accounting.checks import service as checks
from services.accounting.ledger import holds
from shared import clock
from shared.contracts.holds import HoldRequest
from tests.accounting.citizens import citizen_with_many_verdicts
from tests.accounting.driver import Accounting
from tests.accounting.reports import YESTERDAY, Reports, cancel


async def increment(accounting: Accounting) -> float:
    async with accounting.database.transaction() as session:
        await checks.check_increment(session)
    return REGISTRY.get_sample_value("carbon_ledger_drift_mg") or 0.0


async def settle(admin: Any) -> None:
    """Make everything older than a second, so that the check reads it."""
    await admin.execute("UPDATE accounting.posting SET posted_at = posted_at - interval '2 seconds'")
    await admin.execute("UPDATE accounting.ledger_account SET created_at = created_at - interval '2 seconds'")
    await admin.execute(
        "UPDATE accounting.ledger_check_state SET checked_before = checked_before - interval '2 seconds',"
        " began_at = began_at - interval '2 seconds'"
    )


async def checked_accounts(admin: Any) -> int:
    return int(await admin.fetchval("SELECT count(*) FROM accounting.ledger_checkpoint"))


async def test_a_planted_drift_raises_the_gauge_until_it_is_corrected(accounting: Accounting, admin: Any) -> None:
    assert await increment(accounting) == 0
    person = await accounting.citizen()
    await accounting.post(person.bus(YESTERDAY + timedelta(hours=6)))
    await settle(admin)
    assert await increment(accounting) == 0
    assert await checked_accounts(admin) == 2

    plant = "UPDATE accounting.ledger_account SET balance_mg = balance_mg + $1 WHERE account_id = $2"
    await admin.execute(plant, 700, person.account_id)
    await accounting.post(person.bus(YESTERDAY + timedelta(hours=9)))
    await settle(admin)
    assert await increment(accounting) == 700
    assert await increment(accounting) == 700  # even if the account does not change again
    await admin.execute(plant, -700, person.account_id)
    assert await increment(accounting) == 0


PLANT = "UPDATE accounting.ledger_account SET balance_mg = balance_mg + $1 WHERE account_id = $2"
KILOGRAM_MG = 1_000_000


async def sweep(accounting: Accounting, admin: Any) -> float:
    """Increments until a whole sweep has passed: the one under way may have passed an account already."""
    ends: set[object] = {await swept_at(admin)}
    for _minute in range(100):
        await settle(admin)
        found = await increment(accounting)
        ends.add(await swept_at(admin))
        if len(ends) > 2:
            return found
    raise AssertionError("the sweep has no end")


async def swept_at(admin: Any) -> object:
    return await admin.fetchval("SELECT swept_at FROM accounting.ledger_check_state")


@pytest.mark.parametrize("age", ["checked before", "older than the first check"])
async def test_a3_a_kilogram_on_an_idle_balance_moves_the_gauge_within_one_sweep(
    accounting: Accounting, admin: Any, monkeypatch: pytest.MonkeyPatch, age: str
) -> None:
    monkeypatch.setattr(checks, "_SWEEP_ACCOUNTS_MIN", 2)
    if age == "checked before":
        assert await increment(accounting) == 0
    people = [await accounting.citizen() for _ in range(7)]
    for person in people:
        await accounting.post(person.bus(), person.metro())
    await place_hold(accounting, people[0], amount_mg=1_000)
    await settle(admin)
    await increment(accounting)
    assert await sweep(accounting, admin) == 0
    for person in people:  # wherever its id lies
        await admin.execute(PLANT, KILOGRAM_MG, person.account_id)
        assert await sweep(accounting, admin) == KILOGRAM_MG
        await admin.execute(PLANT, -KILOGRAM_MG, person.account_id)
        assert await increment(accounting) in (0, KILOGRAM_MG)
        await settle(admin)
        assert await increment(accounting) == 0


@pytest.mark.parametrize("age", ["checked before", "older than the first check"])
async def test_a3_grams_moved_between_two_idle_balances_move_the_gauge(
    accounting: Accounting, admin: Any, age: str
) -> None:
    if age == "checked before":
        assert await increment(accounting) == 0
    anna, bert = [await accounting.citizen() for _ in range(2)]
    for person in (anna, bert):
        await accounting.post(person.bus())
    await settle(admin)
    await increment(accounting)
    await admin.execute(PLANT, -100, anna.account_id)
    await admin.execute(PLANT, 100, bert.account_id)
    assert (await accounting.check())["balances_sum_mg"] == 0
    assert await sweep(accounting, admin) == 200
    await admin.execute(PLANT, 100, anna.account_id)
    await admin.execute(PLANT, -100, bert.account_id)
    await settle(admin)
    assert await increment(accounting) == 0


async def test_a3_a_sweep_beside_postings_finds_nothing(accounting: Accounting, admin: Any) -> None:
    """The step takes off what was posted after the mark, and an account that is created meanwhile is new."""
    assert await increment(accounting) == 0
    for _round in range(3):
        person = await accounting.citizen()
        await accounting.post(person.bus(), person.car())
        assert await sweep(accounting, admin) == 0
        assert await increment(accounting) == 0


async def test_the_running_check_agrees_after_every_kind_of_movement(accounting: Accounting, admin: Any) -> None:
    assert await increment(accounting) == 0
    person = await accounting.citizen()
    ride = person.car()
    for step in range(4):
        if step == 0:
            await accounting.post(ride, person.bus())
        if step == 1:
            await place_hold(accounting, person, amount_mg=ride_mg(await accounting.get(person, "/me/balance")))
        if step == 2:
            await accounting.post(cancel(person, ride))
            await accounting.release()
        if step == 3:
            await accounting.post(*(person.metro(YESTERDAY + timedelta(hours=h)) for h in (7, 9)))
        assert await increment(accounting) == 0  # postings of the last second are not compared yet
        await settle(admin)
        assert await increment(accounting) == 0
    assert await checked_accounts(admin) >= 5  # person, two methodologies or more, the hold, the debt


def ride_mg(balance: dict[str, Any]) -> int:
    return int(balance["available_mg"])


async def place_hold(accounting: Accounting, person: Reports, *, amount_mg: int) -> None:
    async with accounting.database.transaction() as session:
        await holds.place_hold(
            session,
            request=HoldRequest(
                hold_id=uuid.uuid4(),
                account_id=person.account_id,
                amount_mg=amount_mg,
                purpose="order:test",
                expires_at=clock.now() + timedelta(hours=1),
            ),
            caller="rewards",
        )


async def test_an_auditors_checks_equal_the_operators_with_a_longer_time_limit(
    accounting: Accounting,
) -> None:
    person = await accounting.citizen()
    await accounting.post(person.bus())
    async with accounting.database.transaction() as session:
        figures = {name: figure async for name, figure in checks.check_each(session)}
        assert await session.scalar(text("SHOW statement_timeout")) == "30min"
    async with accounting.database.transaction() as session:
        assert await checks.check_all(session) == figures
        assert await session.scalar(text("SHOW statement_timeout")) == "30s"


async def test_list_differences_finds_changed_balances_and_caps(accounting: Accounting, admin: Any) -> None:
    person = await citizen_with_many_verdicts(accounting)
    await place_hold(accounting, person, amount_mg=100_000)

    async def rebuilt() -> list[checks.Difference]:
        async with accounting.database.transaction() as session:
            return await checks.list_differences(session)

    assert await rebuilt() == []
    await admin.execute("UPDATE accounting.ledger_account SET balance_mg = balance_mg + 5 WHERE kind = 'hold'")
    await admin.execute("UPDATE accounting.cap_usage SET amount_mg = amount_mg + 7")
    differences = await rebuilt()
    caps = await admin.fetchval("SELECT count(*) FROM accounting.cap_usage")
    assert [d.stored_mg - d.rebuilt_mg for d in differences] == [5] + [7] * caps
    await admin.execute("UPDATE accounting.ledger_account SET balance_mg = balance_mg - 5 WHERE kind = 'hold'")
    await admin.execute("UPDATE accounting.cap_usage SET amount_mg = amount_mg - 7")
    assert await rebuilt() == []
