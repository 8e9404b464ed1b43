"""A number, meter or vehicle that is freed goes to the first act that was refused for it, of whomever."""

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from services.accounting.posting import freed_room
from shared.contracts.activities_v1 import ActivityReported
from tests.accounting.driver import Accounting
from tests.accounting.posting.test_uniqueness import PLATE, all_reasons, crowd, power, trip
from tests.accounting.reports import Reports, cancel, correct
from tests.databases import Dsns

CLAIMS: dict[str, tuple[Callable[[Reports], ActivityReported], str]] = {
    "number": (lambda person: trip(person, order="o-1"), "COUNTED_ELSEWHERE"),
    "vehicle": (lambda person: trip(person, vehicle=PLATE), "VEHICLE_COUNTED"),
    "meter": (lambda person: power(person, "m1"), "METER_COUNTED"),
}


@pytest.mark.parametrize("claim", CLAIMS)
async def test_a8_a_freed_claim_goes_to_one_other_person(
    accounting: Accounting, accounting_dsns: Dsns, claim: str
) -> None:
    make, reason = CLAIMS[claim]
    people = await crowd(accounting, 3)
    acts = [make(person) for person in people]
    await accounting.post(*acts)
    assert await all_reasons(accounting, people) == ["CREDITED", reason, reason]
    await accounting.post(cancel(people[0], acts[0]))
    await accounting.release()
    # Acts that begin together are judged in the order of their ids.
    heirs = sorted((act.event_key, person) for act, person in zip(acts[1:], people[1:], strict=True))
    assert await all_reasons(accounting, [person for _, person in heirs]) == ["CREDITED", reason]
    assert (await accounting.check())["ok"]
    connection = await asyncpg.connect(accounting_dsns.admin)
    assert [row[0] for row in await connection.fetch("SELECT activity_id FROM accounting.refused_claim")] == [
        heirs[1][0]
    ]
    await connection.close()
    await accounting.release()  # once
    assert await all_reasons(accounting, [person for _, person in heirs]) == ["CREDITED", reason]


async def test_a8_the_citizen_reads_the_new_verdict(accounting: Accounting) -> None:
    first, second = await crowd(accounting, 2)
    ride = trip(first, order="o-1", vehicle=PLATE)
    await accounting.post(ride, trip(second, order="o-1", vehicle=PLATE))
    await accounting.post(cancel(first, ride))
    await accounting.release()
    page: Any = await accounting.get(second, "/me/activities")
    assert [(item["status"], item["reason_code"]) for item in page["items"]] == [("credited", "CREDITED")]
    balances: list[Any] = [await accounting.get(person, "/me/balance") for person in (first, second)]
    assert [balance["available_mg"] > 0 for balance in balances] == [False, True]


async def test_a8_a_correction_that_names_another_vehicle_frees_the_first(accounting: Accounting) -> None:
    first, second = await crowd(accounting, 2)
    ride = trip(first, vehicle=PLATE)
    await accounting.post(ride, trip(second, vehicle=PLATE))
    await accounting.post(correct(first, ride, trip(first, vehicle="鄂A·99999")))
    await accounting.release()
    assert await all_reasons(accounting, [second]) == ["CREDITED"]


async def test_a8_a_correction_of_the_same_vehicle_keeps_it(accounting: Accounting) -> None:
    first, second = await crowd(accounting, 2)
    ride = trip(first, vehicle=PLATE)
    await accounting.post(ride, trip(second, vehicle=PLATE))
    await accounting.post(correct(first, ride, trip(first, minute=1, vehicle=PLATE)))
    await accounting.release()
    assert await all_reasons(accounting, [second]) == ["VEHICLE_COUNTED"]


async def test_a8_a_cancelled_claim_inherits_nothing(accounting: Accounting) -> None:
    first, second, third = await crowd(accounting, 3)
    rides = [trip(person, order="o-1") for person in (first, second, third)]
    await accounting.post(*rides)
    await accounting.post(cancel(second, rides[1]))
    await accounting.release()
    await accounting.post(cancel(first, rides[0]))
    await accounting.release()
    assert await all_reasons(accounting, [second, third]) == ["CANCELLED", "CREDITED"]


async def test_a8_many_claims_are_judged_in_steps(accounting: Accounting, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims of other partners with the same vehicle wait behind those that begin earlier."""
    monkeypatch.setattr(freed_room, "_ACTS_MAX", 2)
    people = await crowd(accounting, 6)
    rides = [trip(person, minute=index / 10, vehicle=PLATE) for index, person in enumerate(people)]
    await accounting.post(*rides)
    # The first four have another act at this time by now: they cannot be credited twice.
    await accounting.post(*(trip(person, minute=0, order=f"x-{index}") for index, person in enumerate(people[1:4])))
    await accounting.post(cancel(people[0], rides[0]))
    for _ in range(4):
        await accounting.release()
    taken = {str(person.account_id) for person in people[4:] if "CREDITED" in await all_reasons(accounting, [person])}
    assert len(taken) == 1
