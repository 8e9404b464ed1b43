"""Corrections and cancellations by partners: one reversal, caps given back, a debt for spent grams."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from services.accounting.ledger import holds
from shared import clock
from shared.contracts.holds import HoldRequest
from tests.accounting.driver import Accounting
from tests.accounting.outbox import outcomes
from tests.accounting.reports import PARTNER, Reports, cancel, correct, sent_again
from tests.databases import Dsns


async def balance(accounting: Accounting, person: Reports) -> dict[str, Any]:
    return await accounting.get(person, "/me/balance")


async def test_a_cancellation_takes_the_grams_back_and_frees_the_cap(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    first, second, third = person.bus(), person.bus(), person.bus()
    await accounting.post(first, second)
    await accounting.post(cancel(person, first))
    await accounting.release()
    assert (await balance(accounting, person))["lifetime_mg"] == 150_000
    await accounting.post(third)
    assert (await balance(accounting, person))["available_mg"] == 300_000
    announced = [(o.status, o.reason_code, o.sequence) for o in await outcomes(accounting_dsns)]
    assert announced[2:] == [
        ("reversed", "CANCELLED", 2),
        ("reversed", "CANCELLED", 1),
        ("credited", "CREDITED", 1),
    ]
    page: Any = await accounting.get(person, "/me/activities?status=reversed")
    assert (page["items"][0]["reason_code"], "撤销" in page["items"][0]["reason"]) == ("CANCELLED", True)


async def test_a_second_cancellation_is_refused_and_moves_nothing(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    person = await accounting.citizen()
    ride = person.bus()
    await accounting.post(ride)
    second = cancel(person, ride)
    await accounting.post(cancel(person, ride), second, sent_again(second))
    await accounting.release()
    assert (await balance(accounting, person))["available_mg"] == 0
    codes = sorted((o.status, o.reason_code or "") for o in await outcomes(accounting_dsns))
    assert codes.count(("refused", "ALREADY_REVERSED")) == 1
    assert codes.count(("duplicate", "")) == 1


async def test_a_cancellation_before_its_original_waits_for_it(accounting: Accounting) -> None:
    person = await accounting.citizen()
    ride = person.bus()
    await accounting.post(cancel(person, ride))
    await accounting.release()
    await accounting.post(ride)
    await accounting.release()
    assert await balance(accounting, person) == {
        "available_mg": 0,
        "pending_mg": 0,
        "held_mg": 0,
        "debt_mg": 0,
        "lifetime_mg": 0,
        "frozen": False,
        "notice": None,
        "display": "0 克",
    }


async def test_a_corrected_trip_is_judged_by_its_new_data(accounting: Accounting) -> None:
    person = await accounting.citizen()
    wrong = person.car(distance_m=90_000)
    await accounting.post(wrong)
    assert (await balance(accounting, person))["available_mg"] == 0
    await accounting.post(correct(person, wrong, person.car(distance_m=9_000)))
    await accounting.release()
    assert (await balance(accounting, person))["available_mg"] == 210_000


async def test_spent_grams_become_a_debt_that_later_credits_repay_first(accounting: Accounting) -> None:
    person = await accounting.citizen()
    ride, other = person.bus(), person.metro()
    await accounting.post(ride)
    hold = HoldRequest(
        hold_id=uuid.uuid4(),
        account_id=person.account_id,
        amount_mg=100_000,
        purpose="order:1",
        expires_at=clock.now() + timedelta(minutes=5),
    )
    async with accounting.database.transaction() as session:
        await holds.place_hold(session, request=hold, caller="rewards")
    await accounting.post(cancel(person, ride))
    await accounting.release()
    after = await balance(accounting, person)
    assert (after["available_mg"], after["held_mg"], after["debt_mg"]) == (0, 100_000, 100_000)
    assert (await accounting.check())["ok"]
    await accounting.post(other)
    repaid = await balance(accounting, person)
    assert (repaid["available_mg"], repaid["debt_mg"]) == (70_000, 0)


@pytest.mark.parametrize("bound_first", [True, False])
async def test_a_cancelled_parked_event_is_never_credited(accounting: Accounting, bound_first: bool) -> None:
    person = await accounting.citizen("another-partner")
    ride = person.bus()
    await accounting.post(ride)
    await accounting.post(cancel(person, ride))
    await accounting.release()
    if bound_first:
        await accounting.bind(person, PARTNER)
        await accounting.release()
    assert (await balance(accounting, person))["available_mg"] == 0
