"""Vesting credits: pending first, available when due, reversible in both states."""

import asyncio
import uuid
from typing import Any

import asyncpg
import pytest

from tests.accounting.driver import VESTING_DAYS, Accounting
from tests.accounting.holds import Holds
from tests.accounting.outbox import outcomes
from tests.accounting.reports import Reports, cancel
from tests.databases import Dsns

pytestmark = pytest.mark.usefixtures("vesting_bus")

RIDE_MG = 150_000
DUE = VESTING_DAYS + 1


async def balance_parts(accounting: Accounting, person: Reports) -> tuple[object, ...]:
    """Return (available, pending, debt, lifetime) in milligrams."""
    body = await accounting.get(person, "/me/balance")
    return body["available_mg"], body["pending_mg"], body["debt_mg"], body["lifetime_mg"]


async def spend(accounting: Accounting, person: Reports, amount_mg: int) -> int:
    holds, hold_id = Holds(accounting), uuid.uuid4()
    answer = await holds.place(person, amount_mg, hold_id)
    if answer.status_code == 201:
        await holds.call("POST", f"/{hold_id}/capture", {"to": "redeemed:noodles"})
    return answer.status_code


async def test_pending_grams_become_available_after_the_vesting_days(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    await accounting.post(person.slow_bus(), person.slow_bus(received_days_ago=DUE), person.metro())
    assert await balance_parts(accounting, person) == (170_000, 2 * RIDE_MG, 0, 170_000 + 2 * RIDE_MG)
    assert await spend(accounting, person, 170_001) == 409
    await accounting.release()
    await accounting.release()
    assert await balance_parts(accounting, person) == (170_000 + RIDE_MG, RIDE_MG, 0, 170_000 + 2 * RIDE_MG)
    announced = sorted((o.status, o.sequence) for o in await outcomes(accounting_dsns))
    assert announced == [("credited", 1), ("credited", 2), ("pending", 1), ("pending", 1)]
    entries: Any = await accounting.get(person, "/me/entries")
    assert [(e["kind"], e["direction"], e["counterpart"]) for e in entries["items"]] == [
        ("vest", "in", "pending"),
        ("credit", "in", "issuance:WH-APP-METRO"),
    ]
    pending: Any = await accounting.get(person, "/me/activities?status=pending")
    assert len(pending["items"]) == 1
    assert pending["items"][0]["reason_code"] == "CREDITED"


async def test_verdict_totals_move_from_pending_to_credited(accounting: Accounting) -> None:
    person = await accounting.citizen()
    await accounting.post(person.slow_bus(received_days_ago=DUE), person.slow_bus(received_days_ago=DUE))
    await accounting.release()
    answer = await accounting.client.get(
        "/api/v1/accounting/ops/activities/totals", headers=accounting.tokens.operator()
    )
    assert [(i["status"], i["events"], i["amount_mg"]) for i in answer.json()["items"]] == [
        ("credited", 2, 2 * RIDE_MG)
    ]


async def test_a_credit_reversed_while_pending_never_becomes_available(accounting: Accounting) -> None:
    person = await accounting.citizen()
    ride = person.slow_bus()
    await accounting.post(ride, person.slow_bus())
    assert (await accounting.check())["ok"]
    await accounting.post(cancel(person, ride))
    await accounting.release()
    assert await balance_parts(accounting, person) == (0, RIDE_MG, 0, RIDE_MG)
    await accounting.post(person.slow_bus())  # the cap was given back
    assert await balance_parts(accounting, person) == (0, 2 * RIDE_MG, 0, 2 * RIDE_MG)


async def test_a_credit_reversed_after_it_was_spent_is_a_debt_that_the_next_vesting_repays(
    accounting: Accounting,
) -> None:
    person = await accounting.citizen()
    ride = person.slow_bus(received_days_ago=DUE)
    await accounting.post(ride)
    await accounting.release()
    assert await spend(accounting, person, 100_000) == 201
    await accounting.post(cancel(person, ride))
    await accounting.release()
    assert await balance_parts(accounting, person) == (0, 0, 100_000, 0)
    await accounting.post(person.slow_bus(received_days_ago=DUE))
    # Pending grams repay nothing.
    assert await balance_parts(accounting, person) == (0, RIDE_MG, 100_000, RIDE_MG)
    await accounting.release()
    assert await balance_parts(accounting, person) == (50_000, 0, 0, RIDE_MG)


async def test_a_parked_ride_vests_from_its_time_of_receipt(accounting: Accounting) -> None:
    person = await accounting.citizen("another-partner")
    await accounting.post(person.slow_bus(received_days_ago=DUE))
    await accounting.bind(person)
    await accounting.release()
    await accounting.release()
    assert await balance_parts(accounting, person) == (RIDE_MG, 0, 0, RIDE_MG)


async def test_four_concurrent_jobs_vest_each_credit_once(accounting: Accounting) -> None:
    people = [await accounting.citizen() for _ in range(20)]
    await accounting.post(*(p.slow_bus(received_days_ago=DUE) for p in people for _ in range(2)))
    await asyncio.gather(*(accounting.release() for _ in range(4)))
    for person in people:
        assert await balance_parts(accounting, person) == (2 * RIDE_MG, 0, 0, 2 * RIDE_MG)


@pytest.mark.parametrize(
    ("spoil", "mend", "found"),
    [
        ("DELETE FROM accounting.vesting", None, "vesting_differing"),
        (
            "UPDATE accounting.ledger_account SET lifetime_mg = lifetime_mg + 1 WHERE kind = 'person'",
            "UPDATE accounting.ledger_account SET lifetime_mg = lifetime_mg - 1 WHERE kind = 'person'",
            "lifetime_differing",
        ),
        (
            "UPDATE accounting.activity SET amount_mg = amount_mg + 1",
            "UPDATE accounting.activity SET amount_mg = amount_mg - 1",
            "pending_differing",
        ),
        (
            "UPDATE accounting.activity SET status = 'reversed'",
            "UPDATE accounting.activity SET status = 'pending'",
            "reversed_differing",
        ),
        (
            "UPDATE accounting.activity SET status = 'credited'",
            "UPDATE accounting.activity SET status = 'pending'",
            "vesting_differing",
        ),
    ],
)
async def test_the_check_finds_pending_credits_that_do_not_match(
    accounting: Accounting, accounting_dsns: Dsns, spoil: str, mend: str | None, found: str
) -> None:
    person = await accounting.citizen()
    ride = person.slow_bus()
    await accounting.post(ride)
    connection = await asyncpg.connect(accounting_dsns.admin)
    try:
        await connection.execute(spoil)
        figures = await accounting.check()
        assert (figures["ok"], figures[found]) == (False, 1)
    finally:
        await connection.execute(
            mend or "INSERT INTO accounting.vesting VALUES ($1, now())", *(() if mend else (ride.event_key,))
        )
        await connection.close()
