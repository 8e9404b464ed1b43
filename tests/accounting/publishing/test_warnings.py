"""A11: warnings have names, and the publisher acknowledges each. Over HTTP."""

from datetime import timedelta

import pytest

from tests.accounting.operators import Operators, bus_km, first_day, short, today

NO_RULES = {"caps": "[]", "exclusivity_groups": "[]", "vesting_days": "366"}
NO_RULES_EXAMPLE = "[{title: {zh: 10 公里, en: 10 km}, input: {distance_m: 10000}, expect_mg: 425000}]"


async def test_a11_publication_needs_every_warning_acknowledged_by_name(ready: Operators) -> None:
    text = bus_km(**NO_RULES, examples=NO_RULES_EXAMPLE)  # type: ignore[arg-type]  # keys of the document
    draft_id = await ready.checked(text)
    shown = await ready.ok("GET", f"/methodologies/drafts/{draft_id}")
    names = [warning["code"] for warning in shown["warnings"]]
    assert names == ["NO_CAPS", "NO_EXCLUSIVITY_GROUP", "LONG_VESTING"]
    assert all(warning["line"] > 0 and warning["zh"] and warning["en"] for warning in shown["warnings"])
    path = f"/methodologies/drafts/{draft_id}/publish"
    for acknowledged in ([], ["NO_CAPS"], ["NO_CAPS", "LONG_VESTING", "COVERAGE_GAP"]):
        body = {"reason": "已审阅", "acknowledged": acknowledged}
        answer = await ready.call("POST", path, body, who="publisher")
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (409, "WARNINGS_NOT_ACKNOWLEDGED")
        assert problem["names"] == sorted(set(names) - set(acknowledged))
        assert problem["warnings"] == shown["warnings"]
    unknown = {"reason": "已审阅", "acknowledged": ["EVERYTHING"]}
    assert await ready.refused("POST", path, unknown, who="publisher") == (422, "INVALID_REQUEST")
    await ready.ok("POST", path, {"reason": "已审阅", "acknowledged": names}, who="publisher")
    entry = (await ready.ok("GET", "/audit?limit=1", scope="ops:read"))["items"][0]
    assert entry["after"]["acknowledged"] == sorted(names)


async def test_a11_a_gap_that_appears_after_the_check_stops_the_publication(ready: Operators) -> None:
    draft_id = await ready.checked(bus_km(since=first_day() + timedelta(days=5)))
    await ready.retire("WH-APP-BUS v1", first_day() + timedelta(days=2))
    path = f"/methodologies/drafts/{draft_id}/publish"
    answer = await ready.call("POST", path, {"reason": "已审阅"}, who="publisher")
    assert (answer.status_code, answer.json()["names"]) == (409, ["COVERAGE_GAP"])


async def test_a11_a_document_without_warnings_is_published_as_before(ready: Operators) -> None:
    draft_id = await ready.checked(bus_km())
    assert (await ready.ok("GET", f"/methodologies/drafts/{draft_id}"))["warnings"] == []
    path = f"/methodologies/drafts/{draft_id}/publish"
    done = await ready.ok("POST", path, {"reason": "已审阅"}, who="publisher")
    assert (done["version"], done["superseded"]) == (2, [1])


MONTHLY = '[{id: bus.monthly_acts, per: account, period: month, acts: 20, code: MONTHLY_CAP, zh: 本月已满, en: "full"}]'
DAILY = '[{id: bus_km.daily_acts, per: account, period: day, acts: 2, code: DAILY_CAP, zh: 今天已满, en: "full"}]'


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ({}, {"exclusivity_groups": "[rides]"}, ["EXCLUSIVITY_GROUP_ALONE", "EXCLUSIVITY_GROUP_DROPPED"]),
        ({"exclusivity_groups": "[ride, bus]"}, {}, ["EXCLUSIVITY_GROUP_DROPPED"]),
        ({"caps": MONTHLY}, {"caps": DAILY}, ["CAP_NOT_CONTINUED"]),
        ({"effective_to": "2030-01-01"}, {}, ["SUPERSESSION_OVERLAP"]),
        ({}, {"caps": DAILY}, []),  # a daily counter begins at midnight anyway
    ],
)
async def test_a11_rules_of_the_predecessor_that_get_lost_are_warnings(
    ready: Operators, first: dict[str, str], second: dict[str, str], names: list[str]
) -> None:
    day = (first_day() + timedelta(days=32)).replace(day=2)
    acknowledged = ["COVERAGE_GAP"] if "effective_to" in first else []
    examples = {"examples": NO_RULES_EXAMPLE}
    await ready.publish(bus_km(**first, **examples), acknowledged=acknowledged)  # type: ignore[arg-type]
    draft = await ready.draft(bus_km(version=3, since=day, **second, **examples))
    assert draft["faults"] == []
    assert sorted(warning["code"] for warning in draft["warnings"]) == names


async def test_a11_a_what_if_run_shows_the_warnings_and_the_calendar(ready: Operators) -> None:
    text = bus_km(**NO_RULES, examples=NO_RULES_EXAMPLE)  # type: ignore[arg-type]  # keys of the document
    body = {
        "yaml": text,
        "from": (today() - timedelta(days=3)).isoformat(),
        "to": today().isoformat(),
        "reason": "试算",
    }
    answer = await ready.call("POST", "/methodologies:what-if", body)
    assert answer.status_code == 202, answer.text
    names = [warning["code"] for warning in answer.json()["warnings"]]
    assert names == ["NO_CAPS", "NO_EXCLUSIVITY_GROUP", "LONG_VESTING"]
    run = await ready.ok("GET", f"/what-if-runs/{answer.json()['run_id']}")
    assert run["warnings"] == answer.json()["warnings"]
    assert [short(line)["periods"][-1][0] for line in run["calendar"]] == ["WH-APP-BUS v2"]
