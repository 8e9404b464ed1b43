"""A10: the time of an act alone decides which version judges it. Over HTTP and the log."""

from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest

from shared.contracts.activities_v1 import Act
from tests.accounting.operators import Operators, bus_km, clock_at, days_ago, first_day, today
from tests.accounting.reports import SHANGHAI, YESTERDAY, correct
from tests.databases import Dsns


async def credited_rides(operators: Operators, person: Any) -> list[tuple[int, int]]:
    """Version and amount of a person's credited activities, newest act first."""
    page = await operators.accounting.get(person, "/me/activities")
    items = [item for item in page["items"] if item["status"] == "credited"]  # type: ignore[attr-defined]
    return [(item["methodology"]["version"], item["amount_mg"]) for item in items]


async def test_a10_a_version_cannot_begin_on_a_day_that_has_begun(ready: Operators, accounting_dsns: Dsns) -> None:
    assert await ready.faults(bus_km(since=today())) == {"EFFECTIVE_DATE_PAST"}
    draft_id = await ready.checked(bus_km())
    connection = await asyncpg.connect(accounting_dsns.admin)
    try:
        await connection.execute("UPDATE accounting.methodology_draft SET text = $1", bus_km(since=today()))
    finally:
        await connection.close()
    path = f"/methodologies/drafts/{draft_id}/publish"
    answer = await ready.call("POST", path, {"reason": "批准"}, who="publisher")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "EFFECTIVE_DATE_PAST")
    assert problem["earliest"] == first_day().isoformat()


async def test_a10_early_and_late_reports_of_one_day_are_judged_by_one_version(ready: Operators) -> None:
    accounting = ready.accounting
    early, late = await accounting.citizen(), await accounting.citizen()
    before, after = YESTERDAY - timedelta(hours=2), YESTERDAY + timedelta(hours=2)

    def ride(person: Any, at: datetime, **fields: Any) -> Any:
        act = Act(kind="transit", vehicle_type="bus", started_at=at, distance_m=8000, city_code="420100")
        return person.report(act, **fields)

    reported = ride(early, before)
    await accounting.post(reported)
    with days_ago(3):
        await ready.publish(bus_km(since=YESTERDAY.date()))
    # The rides of the day before the change arrive late. One is a correction of the ride that was early.
    await accounting.post(ride(late, before), ride(early, after), ride(late, after))
    await accounting.post(correct(early, reported, ride(early, before + timedelta(minutes=5))))
    assert await credited_rides(ready, late) == [(2, 340_000), (1, 150_000)]
    assert await credited_rides(ready, early) == [(2, 340_000), (1, 150_000)]


@pytest.mark.parametrize(("minute", "days"), [(49, 1), (51, 2)])
async def test_a10_nothing_is_published_in_the_last_minutes_before_its_first_day(
    ready: Operators, minute: int, days: int
) -> None:
    """An act with a fast clock, or a poll under way, would be judged by the old version after midnight."""
    night = datetime.now(SHANGHAI).replace(hour=23, minute=minute, second=0, microsecond=0)
    with clock_at(night):
        tomorrow = night.date() + timedelta(days=1)
        assert await ready.faults(bus_km(since=tomorrow)) == (set() if days == 1 else {"EFFECTIVE_DATE_PAST"})
        assert await ready.faults(bus_km(since=night.date() + timedelta(days=days))) == set()


async def test_a10_a_version_cannot_end_on_a_day_that_has_begun(ready: Operators) -> None:
    path = "/methodologies/WH-APP-BUS/versions/1/retire"
    body = {"from": today().isoformat(), "reason": "停用"}
    assert await ready.refused("POST", path, body) == (409, "EFFECTIVE_DATE_PAST")
    with days_ago(2):
        proposal = await ready.propose_retirement("WH-APP-BUS v1", today() + timedelta(days=2))
    # The approval comes too late: the day has begun.
    approve = f"/proposals/{proposal['proposal_id']}/approve"
    assert await ready.refused("POST", approve, {"reason": "已核对"}, who="approver") == (409, "EFFECTIVE_DATE_PAST")


async def test_a10_a_version_cannot_be_withdrawn_on_its_first_day(ready: Operators) -> None:
    with days_ago(2):
        await ready.publish(bus_km(since=today() + timedelta(days=2)))
    body = {"from": today().isoformat(), "reason": "停用"}
    path = "/methodologies/WH-APP-BUS/versions/2/retire"
    assert await ready.refused("POST", path, body) == (409, "EFFECTIVE_DATE_PAST")
