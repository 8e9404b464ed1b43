"""A12: a document of another code takes over in one act. Over HTTP and the log."""

from datetime import timedelta

import pytest

from shared.contracts.activities_v1 import Act
from tests.accounting.operators import Operators, bus_km, days_ago, first_day
from tests.accounting.reports import YESTERDAY

BUS_SINCE = "2023-06-01"


async def test_a12_a_document_of_another_code_takes_over_in_one_act(ready: Operators) -> None:
    day = first_day() + timedelta(days=2)
    text = bus_km("WH-BUS-KM", 1, since=day, supersedes="WH-APP-BUS")
    draft = await ready.draft(text)
    ended = [{"code": "WH-APP-BUS", "version": 1, "effective_to": None}]
    assert (draft["faults"], draft["warnings"], draft["supersedes"]) == ([], [], ended)
    done = await ready.publish(text)
    assert (done["superseded"], done["ended"]) == ([], ended)
    assert await ready.calendar() == {
        "periods": [("WH-APP-BUS v1", BUS_SINCE, day.isoformat()), ("WH-BUS-KM v1", day.isoformat(), None)],
        "gaps": [],
    }
    entry = (await ready.ok("GET", "/audit?limit=1", scope="ops:read"))["items"][0]
    assert entry["after"]["effective_to"] == {"WH-APP-BUS v1": day.isoformat()}


async def test_a12_withdrawing_it_restores_the_other_code(ready: Operators) -> None:
    day = first_day() + timedelta(days=2)
    await ready.publish(bus_km("WH-BUS-KM", 1, since=day, supersedes="WH-APP-BUS"))
    await ready.retire("WH-BUS-KM v1", day)
    assert await ready.calendar() == {"periods": [("WH-APP-BUS v1", BUS_SINCE, None)], "gaps": []}


async def test_a12_withdrawing_it_does_not_overlap_its_own_successor(ready: Operators) -> None:
    """The second version of the new code names no other code. The old code applies until it begins."""
    day, next_day = first_day() + timedelta(days=2), first_day() + timedelta(days=8)
    await ready.publish(bus_km("WH-BUS-KM", 1, since=day, supersedes="WH-APP-BUS"))
    await ready.publish(bus_km("WH-BUS-KM", 2, since=next_day))
    await ready.retire("WH-BUS-KM v1", day)
    assert await ready.calendar() == {
        "periods": [("WH-APP-BUS v1", BUS_SINCE, next_day.isoformat()), ("WH-BUS-KM v2", next_day.isoformat(), None)],
        "gaps": [],
    }


async def test_a12_the_first_day_of_the_new_code_judges_its_acts(ready: Operators) -> None:
    accounting = ready.accounting
    person = await accounting.citizen()
    with days_ago(3):
        await ready.publish(bus_km("WH-BUS-KM", 1, since=YESTERDAY.date(), supersedes="WH-APP-BUS"))
    for hours in (-2, 2):
        at = YESTERDAY + timedelta(hours=hours)
        act = Act(kind="transit", vehicle_type="bus", started_at=at, distance_m=8000, city_code="420100")
        await accounting.post(person.report(act))
    page = await accounting.get(person, "/me/activities")
    codes = [item["methodology"]["code"] for item in page["items"]]  # type: ignore[attr-defined]
    assert codes == ["WH-BUS-KM", "WH-APP-BUS"]


@pytest.mark.parametrize(
    ("replaced", "code"),
    [
        ({"supersedes": "WH-APP-BIKE"}, "SUPERSEDES_OTHER_KIND"),
        ({"supersedes": "WH-APP-BUS", "region": '"420500"'}, "SUPERSEDES_OTHER_REGION"),
        ({"supersedes": "WH-APP-BUS", "region": '"42"'}, "SUPERSEDES_OTHER_REGION"),
        ({"supersedes": "WH-NO-BUS"}, "SUPERSEDES_NOTHING"),
        ({"supersedes": "WH-BUS-KM"}, "SUPERSEDES_ITSELF"),
    ],
)
async def test_a12_only_a_code_of_the_same_kind_and_region_is_superseded(
    ready: Operators, replaced: dict[str, str], code: str
) -> None:
    draft = await ready.draft(bus_km("WH-BUS-KM", 1, **replaced))  # type: ignore[arg-type]  # keys of the document
    found = {fault["code"]: fault for fault in draft["faults"]}
    assert code in found, draft["faults"]
    assert (found[code]["field"], found[code]["line"] > 0) == ("supersedes", True)


async def test_a12_a_scheduled_version_of_the_other_code_must_be_withdrawn_first(ready: Operators) -> None:
    await ready.publish(bus_km(since=first_day() + timedelta(days=9)))
    text = bus_km("WH-BUS-KM", 1, since=first_day() + timedelta(days=2), supersedes="WH-APP-BUS")
    assert await ready.faults(text) == {"METHODOLOGIES_OVERLAP"}
    await ready.retire("WH-APP-BUS v2", first_day() + timedelta(days=9))
    assert await ready.faults(text) == set()


async def test_a12_two_codes_take_turns_and_each_withdrawal_goes_one_step_back(ready: Operators) -> None:
    second, third = first_day() + timedelta(days=2), first_day() + timedelta(days=8)
    await ready.publish(bus_km("WH-BUS-KM", 1, since=second, supersedes="WH-APP-BUS"))
    await ready.publish(bus_km("WH-APP-BUS", 2, since=third, supersedes="WH-BUS-KM"))
    turns = [("WH-APP-BUS v1", BUS_SINCE, second.isoformat()), ("WH-BUS-KM v1", second.isoformat(), third.isoformat())]
    assert (await ready.calendar())["periods"] == [*turns, ("WH-APP-BUS v2", third.isoformat(), None)]
    await ready.retire("WH-BUS-KM v1", second)
    assert await ready.calendar() == {
        "periods": [("WH-APP-BUS v1", BUS_SINCE, third.isoformat()), ("WH-APP-BUS v2", third.isoformat(), None)],
        "gaps": [],
    }
    await ready.retire("WH-APP-BUS v2", third)
    assert (await ready.calendar())["periods"] == [("WH-APP-BUS v1", BUS_SINCE, None)]
