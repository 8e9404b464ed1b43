"""Faults that users of comparable systems reported in public, tried here. Each test names its source.

The calendar of versions (A9, A10, A12), warnings (A11), power limits (A14) and long exclusive acts (A15).
"""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.contracts.activities_v1 import Act, ActivityReported
from tests.accounting.operators import Operators, bus_km, days_ago, first_day
from tests.accounting.posting.test_uniqueness import power, reasons
from tests.accounting.reports import YESTERDAY, Reports

BUS_SINCE = "2023-06-01"
LONG = "{distance_m: {min: 100, max: 9000000}}"
NO_EXAMPLES = "[{title: {zh: 10 公里, en: 10 km}, input: {distance_m: 10000}, expect_mg: 425000}]"
DAY = timedelta(days=1)


def bus_of(person: Reports, days: float, *, hours: float = 0.4, **fields: Any) -> ActivityReported:
    """A bus ride of 8 km, some days after the beginning of yesterday."""
    start = YESTERDAY + timedelta(days=days, hours=8)
    act = Act(
        kind="transit",
        vehicle_type="bus",
        started_at=start,
        ended_at=start + timedelta(hours=hours),
        distance_m=8000,
        city_code="420100",
    )
    return person.report(act, **fields)


async def versions(operators: Operators, person: Reports) -> list[tuple[str, int]]:
    """Code and version that credited each activity, newest act first."""
    page: Any = await operators.accounting.get(person, "/me/activities")
    return [
        (item["methodology"]["code"], item["methodology"]["version"]) for item in page["items"] if item["amount_mg"]
    ]


# --- A9, A10, A12: the calendar --------------------------------------------------------------------------------------


async def test_a9_a_boundary_between_two_versions_can_be_moved(ready: Operators) -> None:
    """odoo/odoo#1863: the boundary of two price lists could not move, because each was compared with old dates."""
    day, later = first_day() + 3 * DAY, first_day() + 33 * DAY
    await ready.publish(bus_km(since=day))
    await ready.retire("WH-APP-BUS v2", day)
    done = await ready.publish(bus_km(version=3, since=later))
    assert done["superseded"] == [1]
    assert await ready.calendar() == {
        "periods": [("WH-APP-BUS v1", BUS_SINCE, later.isoformat()), ("WH-APP-BUS v3", later.isoformat(), None)],
        "gaps": [],
    }


async def test_a9_a_version_that_begins_before_a_scheduled_one_does_not_cut_it(ready: Operators) -> None:
    """wyeworks/nucore-open#6263: a new price policy silently shortened a policy that already had orders."""
    await ready.publish(bus_km(version=2, since=first_day() + 9 * DAY))
    assert await ready.faults(bus_km(version=3, since=first_day() + 2 * DAY)) == {"METHODOLOGIES_OVERLAP"}
    bounded = bus_km(version=3, since=first_day() + 2 * DAY, effective_to=(first_day() + 5 * DAY).isoformat())
    draft = await ready.draft(bounded)
    assert (draft["faults"], [warning["code"] for warning in draft["warnings"]]) == (
        [],
        ["SUPERSESSION_OVERLAP", "COVERAGE_GAP"],
    )


async def test_a9_retiring_a_version_that_was_in_force_does_not_revive_the_one_before(ready: Operators) -> None:
    """verra.org, inactive methodologies: inactivating a revised version does not make the previous one active again."""
    with days_ago(5):
        await ready.publish(bus_km(since=YESTERDAY.date()))
    end = first_day() + 2 * DAY
    proposal = await ready.propose_retirement("WH-APP-BUS v2", end)
    assert (proposal["restores"], [one["code"] for one in proposal["warnings"]]) == ([], ["COVERAGE_GAP"])
    path = f"/proposals/{proposal['proposal_id']}/approve"
    await ready.ok("POST", path, {"reason": "已核对"}, who="approver")
    assert await ready.calendar() == {
        "periods": [("WH-APP-BUS v2", YESTERDAY.date().isoformat(), end.isoformat())],
        "gaps": [(end.isoformat(), None, [], [])],
    }


async def test_a10_a_ride_is_judged_by_the_version_of_its_day_whenever_its_person_is_known(ready: Operators) -> None:
    """killbill/killbill#1110, #1842: which catalogue version priced a subscription depended on when it was changed."""
    accounting = ready.accounting
    old, new = await accounting.citizen(), await accounting.citizen("elsewhere")
    await accounting.post(bus_of(old, -3), bus_of(new, -3), bus_of(new, 0))  # `new` is not bound yet: parked
    with days_ago(2):
        await ready.publish(bus_km(since=YESTERDAY.date()))
    accounting.forget_library()
    await accounting.bind(new)
    await accounting.release()
    await accounting.post(bus_of(old, 0.1))
    expected = [("WH-APP-BUS", 2), ("WH-APP-BUS", 1)]
    assert [await versions(ready, person) for person in (old, new)] == [expected, expected]


@pytest.mark.parametrize(
    ("written", "version"),
    [
        ("{before}T23:59:59.999999+08:00", 1),
        ("{before}T15:59:59Z", 1),
        ("{day}T00:00:00+08:00", 2),
        ("{before}T16:00:00Z", 2),
        ("{before}T13:00:00-03:00", 2),
    ],
)
async def test_a10_the_day_of_a_version_begins_at_midnight_in_the_programmes_zone(
    ready: Operators, written: str, version: int
) -> None:
    """getlago/lago-api#6397, ottopaulsen/node-red-contrib-power-saver#77: the first day of a price was cut in UTC."""
    day = YESTERDAY.date()
    with days_ago(5):
        await ready.publish(bus_km(since=day))
    at = datetime.fromisoformat(written.format(day=day, before=day - DAY))
    person = await ready.accounting.citizen()
    act = Act(kind="transit", vehicle_type="bus", started_at=at, distance_m=8000, city_code="420100")
    await ready.accounting.post(person.report(act))
    assert await versions(ready, person) == [("WH-APP-BUS", version)]


async def test_a10_a_version_cannot_reach_back(ready: Operators) -> None:
    """flexprice/flexprice#1175: prices with a date in the past changed what had been billed already."""
    for days in (1, 30, 400):
        text = bus_km(since=first_day() - timedelta(days=days))
        assert await ready.faults(text) == {"EFFECTIVE_DATE_PAST"}
        text = bus_km("WH-BUS-KM", 1, since=first_day() - timedelta(days=days), supersedes="WH-APP-BUS")
        assert "EFFECTIVE_DATE_PAST" in await ready.faults(text)


async def test_a9_a_withdrawn_version_judges_nothing(ready: Operators) -> None:
    """polarsource/polar#9057, TryGhost/Ghost#15195: inactive prices were billed, or made active again on demand."""
    with days_ago(5):
        await ready.publish(bus_km(since=YESTERDAY.date()))
        await ready.retire("WH-APP-BUS v2", YESTERDAY.date())
    person = await ready.accounting.citizen()
    await ready.accounting.post(bus_of(person, 0))
    assert await versions(ready, person) == [("WH-APP-BUS", 1)]
    assert await ready.faults(bus_km(version=2)) == {"VERSION_ALREADY_PUBLISHED"}


async def test_a12_a_new_code_cannot_begin_while_the_old_one_still_applies(ready: Operators) -> None:
    """verra.org, transition to VM0048: old and new methodology ran side by side during a period of grace."""
    day = first_day() + 2 * DAY
    assert await ready.faults(bus_km("WH-BUS-KM", 1, since=day)) == {"METHODOLOGIES_OVERLAP"}
    await ready.publish(bus_km("WH-BUS-KM", 1, since=day, supersedes="WH-APP-BUS"))
    # A second successor of the same code would judge the same acts.
    second = bus_km("WH-BUS-MILES", 1, since=day + DAY, supersedes="WH-APP-BUS")
    assert "METHODOLOGIES_OVERLAP" in await ready.faults(second)


async def test_a12_retiring_the_new_code_in_force_does_not_revive_the_old_one(ready: Operators) -> None:
    """verra.org, inactivation of REDD methodologies: the old one stays inactive, and its projects change over."""
    with days_ago(5):
        await ready.publish(bus_km("WH-BUS-KM", 1, since=YESTERDAY.date(), supersedes="WH-APP-BUS"))
    proposal = await ready.propose_retirement("WH-BUS-KM v1", first_day() + DAY)
    assert (proposal["restores"], [one["code"] for one in proposal["warnings"]]) == ([], ["COVERAGE_GAP"])


async def test_a12_every_act_of_the_old_code_must_go_somewhere(ready: Operators) -> None:
    """metasfresh/metasfresh#22393: old price lists were switched off before anybody checked that prices continue."""
    await ready.publish(bus_km(applies_to="{event: transit.ridden, vehicle_type: [bus, other]}"))
    day = first_day() + 4 * DAY
    draft = await ready.draft(bus_km("WH-BUS-KM", 1, since=day, supersedes="WH-APP-BUS"))
    (warning,) = draft["warnings"]
    assert (warning["code"], "vehicle_type=other" in warning["en"]) == ("COVERAGE_GAP", True)


# --- A11: limits that do not limit -----------------------------------------------------------------------------------


async def test_a11_a_limit_under_another_name_is_a_fault(ready: Operators) -> None:
    """STS-Rosario/carpoolear_backend#348: a limit was read under a name that the configuration did not have."""
    misspelt = bus_km().replace("caps:\n", "cap:\n")
    assert await errors_of(ready, misspelt) == {("cap", "EXTRA_FORBIDDEN"), ("caps", "MISSING")}
    nested = bus_km().replace("    acts: 2", "    max_acts: 2")
    assert ("caps.0.max_acts", "EXTRA_FORBIDDEN") in await errors_of(ready, nested)


@pytest.mark.parametrize("limit", ["0", "null", '""', "-1", "unlimited"])
async def test_a11_an_empty_or_zero_limit_means_neither_nothing_nor_everything(ready: Operators, limit: str) -> None:
    """umbraco/Umbraco.Commerce.Issues#50: some read a usage limit of zero as unlimited, the product as used up."""
    errors = await errors_of(ready, bus_km().replace("    acts: 2", f"    acts: {limit}"))
    assert {field for field, _ in errors} <= {"caps.0", "caps.0.acts"}
    assert errors


async def errors_of(operators: Operators, text: str) -> set[tuple[str, str]]:
    """Return field and code of the errors of a text that is no document."""
    answer = await operators.call("POST", "/methodologies", {"yaml": text, "reason": "公交改按里程核算"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "DOCUMENT_INVALID")
    return {(error["field"], error["code"]) for error in problem["errors"]}


async def test_a11_a_successor_of_another_code_without_limits_has_to_say_so(ready: Operators) -> None:
    """tute/merit#25, hackforla/tdm-calculator#1694: no points per day limited anybody; two measures counted twice."""
    text = bus_km("WH-BUS-KM", 1, supersedes="WH-APP-BUS", caps="[]", exclusivity_groups="[]", examples=NO_EXAMPLES)
    draft = await ready.draft(text)
    assert {warning["code"] for warning in draft["warnings"]} >= {"NO_CAPS", "NO_EXCLUSIVITY_GROUP"}
    draft_id = await ready.checked(text)
    body = {"reason": "已审阅", "acknowledged": ["NO_CAPS"]}
    path = f"/methodologies/drafts/{draft_id}/publish"
    assert await ready.refused("POST", path, body, who="publisher") == (409, "WARNINGS_NOT_ACKNOWLEDGED")


# --- A14: power ------------------------------------------------------------------------------------------------------


async def test_a14_more_power_than_a_fuse_lets_through_earns_nothing(ready: Operators) -> None:
    """davidrapan/ha-solarman#581: 64 kW behind a fuse of 25 A, and no way to set a limit."""
    accounting = ready.accounting
    text = await power_version(ready, per_hour={"energy_wh": {"max": 14_000}})
    with days_ago(5):
        await ready.publish(text, acknowledged=["NO_CAPS", "NO_EXCLUSIVITY_GROUP"])
    accounting.forget_library()
    person = await accounting.citizen()
    start = YESTERDAY
    for number, energy_wh in enumerate((64_000, 14_001, 14_000)):
        at = start + timedelta(hours=number)
        await accounting.post(power(person, "m1", at, at + timedelta(hours=1), energy_wh=energy_wh))
    assert await reasons(accounting, person) == ["CREDITED", "IMPLAUSIBLE_RATE", "IMPLAUSIBLE_RATE"]


async def power_version(operators: Operators, **limits: Any) -> str:
    """Version 2 of the power methodology with other limits, from yesterday on. JSON is YAML."""
    answer = await operators.accounting.client.get("/api/v1/accounting/methodologies/WH-APP-POWER/versions/1")
    assert answer.status_code == 200, answer.text
    document = answer.json()["document"]
    document["plausibility"] |= limits
    document |= {"version": 2, "effective_from": YESTERDAY.date().isoformat()}
    return json.dumps(document, ensure_ascii=False)


# --- A15: exclusive acts that last long ------------------------------------------------------------------------------


@pytest.mark.parametrize("first_is_long", [True, False])
async def test_a15_a_ride_inside_another_that_began_days_ago_is_one_act(ready: Operators, first_is_long: bool) -> None:
    """TIXI24/sfitixi#198: long-distance rides were not compared with other rides of the same passenger."""
    accounting = ready.accounting
    with days_ago(9):
        await ready.publish(bus_km(since=(YESTERDAY - 5 * DAY).date(), plausibility=LONG, examples=NO_EXAMPLES))
    accounting.forget_library()
    person = await accounting.citizen()
    long, inside = bus_of(person, -3, hours=60), bus_of(person, -1, hours=1)
    for ride in (long, inside) if first_is_long else (inside, long):
        await accounting.post(ride)
    assert sorted(await reasons(accounting, person)) == ["CREDITED", "IMPLAUSIBLE_DURATION"]


async def test_a14_energy_without_a_bound_per_hour_has_to_be_acknowledged(ready: Operators) -> None:
    bounds: dict[str, dict[str, Any]] = {
        "none": {},
        "another amount": {"per_hour": {"baseline_wh": {"max": 14_000}}},
        "its own": {"per_hour": {"energy_wh": {"max": 14_000}}},
        "through another amount": {
            "per_hour": {"baseline_wh": {"max": 14_000}},
            "relations": [{"field": "energy_wh", "at_most": "baseline_wh"}],
        },
    }
    found = {}
    with days_ago(5):
        for name, limits in bounds.items():
            draft = await ready.draft(await power_version(ready, **limits))
            assert draft["faults"] == []
            found[name] = "NO_POWER_BOUND" in [warning["code"] for warning in draft["warnings"]]
        draft_id = await ready.checked(await power_version(ready))
        path = f"/methodologies/drafts/{draft_id}/publish"
        names = ["NO_CAPS", "NO_EXCLUSIVITY_GROUP"]
        body: dict[str, Any] = {"reason": "已审阅", "acknowledged": names}
        assert await ready.refused("POST", path, body, who="publisher") == (409, "WARNINGS_NOT_ACKNOWLEDGED")
        await ready.ok("POST", path, {**body, "acknowledged": [*names, "NO_POWER_BOUND"]}, who="publisher")
    ready.accounting.forget_library()
    assert found == {"none": True, "another amount": True, "its own": False, "through another amount": False}
