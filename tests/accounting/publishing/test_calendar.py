"""A9: a withdrawal gives the days back, and gaps are shown before approval. Over HTTP."""

from datetime import timedelta

import pytest

from tests.accounting.operators import Operators, bus_km, first_day, short

BUS_SINCE = "2023-06-01"
METRO_ONLY = "{event: transit.ridden, vehicle_type: [metro]}"
BUS_AND_OTHER = "{event: transit.ridden, vehicle_type: [bus, other]}"


def later(days: int) -> str:
    return (first_day() + timedelta(days=days)).isoformat()


async def test_a9_withdrawing_a_scheduled_version_restores_its_predecessor(ready: Operators) -> None:
    day = first_day() + timedelta(days=3)
    await ready.publish(bus_km(since=day))
    assert await ready.calendar() == {
        "periods": [("WH-APP-BUS v1", BUS_SINCE, day.isoformat()), ("WH-APP-BUS v2", day.isoformat(), None)],
        "gaps": [],
    }
    proposal = await ready.propose_retirement("WH-APP-BUS v2", day)
    restored = {"code": "WH-APP-BUS", "version": 1, "effective_to": None}
    assert (proposal["restores"], proposal["warnings"]) == ([restored], [])
    assert [short(line)["periods"] for line in proposal["calendar"]] == [[("WH-APP-BUS v1", BUS_SINCE, None)]]
    path = f"/proposals/{proposal['proposal_id']}"
    assert (await ready.ok("GET", path))["restores"] == [restored]
    done = await ready.ok("POST", f"{path}/approve", {"reason": "已核对"}, who="approver")
    assert (done["restores"], done["calendar"]) == ([], [])
    assert await ready.calendar() == {"periods": [("WH-APP-BUS v1", BUS_SINCE, None)], "gaps": []}
    entry = (await ready.ok("GET", "/audit?limit=1", scope="ops:read"))["items"][0]
    assert entry["before"]["superseded"] == {"WH-APP-BUS v1": day.isoformat()}
    assert entry["after"]["superseded"] == {"WH-APP-BUS v1": None}


async def test_a9_withdrawing_restores_an_end_that_was_decided_before(ready: Operators) -> None:
    """The predecessor was retired from a later day. It ends on that day again, not never."""
    day, end = first_day() + timedelta(days=3), first_day() + timedelta(days=9)
    await ready.retire("WH-APP-BUS v1", end)
    await ready.publish(bus_km(since=day), acknowledged=["SUPERSESSION_OVERLAP"])
    await ready.retire("WH-APP-BUS v2", day)
    assert (await ready.calendar())["periods"] == [("WH-APP-BUS v1", BUS_SINCE, end.isoformat())]


async def test_a9_withdrawing_the_middle_of_three_joins_its_neighbours(ready: Operators) -> None:
    second, third = first_day() + timedelta(days=3), first_day() + timedelta(days=9)
    await ready.publish(bus_km(version=2, since=second))
    await ready.publish(bus_km(version=3, since=third))
    await ready.retire("WH-APP-BUS v2", second)
    assert await ready.calendar() == {
        "periods": [("WH-APP-BUS v1", BUS_SINCE, third.isoformat()), ("WH-APP-BUS v3", third.isoformat(), None)],
        "gaps": [],
    }
    await ready.retire("WH-APP-BUS v3", third)
    assert (await ready.calendar())["periods"] == [("WH-APP-BUS v1", BUS_SINCE, None)]


async def test_a9_withdrawing_the_last_of_three_restores_the_second(ready: Operators) -> None:
    second, third = first_day() + timedelta(days=3), first_day() + timedelta(days=9)
    await ready.publish(bus_km(version=2, since=second))
    await ready.publish(bus_km(version=3, since=third))
    await ready.retire("WH-APP-BUS v3", third)
    assert (await ready.calendar())["periods"] == [
        ("WH-APP-BUS v1", BUS_SINCE, second.isoformat()),
        ("WH-APP-BUS v2", second.isoformat(), None),
    ]


async def test_a9_ending_a_scheduled_version_later_shows_a_gap_before_approval(ready: Operators) -> None:
    day, end = first_day() + timedelta(days=3), first_day() + timedelta(days=9)
    await ready.publish(bus_km(since=day))
    proposal = await ready.propose_retirement("WH-APP-BUS v2", end)
    (warning,) = proposal["warnings"]
    assert warning["code"] == "COVERAGE_GAP"
    assert warning["zh"] == f"自 {end} 起，WH-APP-BUS v2 的行为没有适用的版本。"
    assert warning["en"] == f"From {end}, acts of WH-APP-BUS v2 have no version."
    assert [short(line)["gaps"] for line in proposal["calendar"]] == [[(end.isoformat(), None, [], [])]]
    path = f"/proposals/{proposal['proposal_id']}/approve"
    await ready.ok("POST", path, {"reason": "已核对"}, who="approver")
    assert (await ready.calendar())["gaps"] == [(end.isoformat(), None, [], [])]


async def test_a9_the_rule_of_a_province_taking_over_is_shown_before_approval(ready: Operators) -> None:
    await ready.publish(bus_km("HB-BUS-KM", 1, region='"42"'))
    end = first_day() + timedelta(days=3)
    proposal = await ready.propose_retirement("WH-APP-BUS v1", end)
    (warning,) = proposal["warnings"]
    assert warning["code"] == "REGION_FALLBACK"
    assert "HB-BUS-KM v1" in warning["zh"]
    assert [short(line)["gaps"] for line in proposal["calendar"]] == [[(end.isoformat(), None, [], ["HB-BUS-KM v1"])]]


async def test_a9_a_hole_between_two_versions_is_a_warning_of_the_draft(ready: Operators) -> None:
    end, again = first_day() + timedelta(days=3), first_day() + timedelta(days=9)
    await ready.retire("WH-APP-BUS v1", end)
    draft = await ready.draft(bus_km(since=again))
    assert [warning["code"] for warning in draft["warnings"]] == ["COVERAGE_GAP"]
    assert [short(line) for line in draft["calendar"]] == [
        {
            "periods": [("WH-APP-BUS v1", BUS_SINCE, end.isoformat()), ("WH-APP-BUS v2", again.isoformat(), None)],
            "gaps": [(end.isoformat(), again.isoformat(), [], [])],
        }
    ]
    assert (await ready.draft(bus_km(since=end)))["warnings"] == []


@pytest.mark.parametrize(
    ("replaced", "name", "days", "acts"),
    [
        # A narrower successor, one of another region, one of another kind of vehicle, and one with an end.
        ({"applies_to": METRO_ONLY, "region": '"420500"'}, "COVERAGE_GAP", 0, []),
        ({"region": '"420500"'}, "COVERAGE_GAP", 0, []),
        ({"region": '"42"'}, "REGION_FALLBACK", 0, []),
        ({"effective_to": "2027-12-31"}, "COVERAGE_GAP", None, []),
    ],
)
async def test_a9_a_successor_that_covers_less_is_a_warning(
    ready: Operators, replaced: dict[str, str], name: str, days: int | None, acts: list[str]
) -> None:
    draft = await ready.draft(bus_km(**replaced))  # type: ignore[arg-type]  # keys of the document
    assert [warning["code"] for warning in draft["warnings"]] == [name]
    begins = "2027-12-31" if days is None else later(days)
    gaps = [gap for line in draft["calendar"] for gap in short(line)["gaps"] if gap[0] == begins]
    fallback = ["WH-APP-BUS v2"] if name == "REGION_FALLBACK" else []
    assert gaps == [(begins, None, acts, fallback)]


async def test_a9_a_successor_for_some_of_the_vehicles_names_the_others(ready: Operators) -> None:
    await ready.publish(bus_km(applies_to=BUS_AND_OTHER))
    since = first_day() + timedelta(days=3)
    draft = await ready.draft(bus_km(version=3, since=since))
    (warning,) = draft["warnings"]
    assert (warning["code"], "vehicle_type=other" in warning["en"]) == ("COVERAGE_GAP", True)
    (line,) = draft["calendar"]
    assert short(line)["gaps"] == [(since.isoformat(), None, ["vehicle_type=other"], [])]


async def test_a9_the_calendar_is_public_and_can_be_filtered(operators: Operators) -> None:
    path = "/api/v1/accounting/methodologies/calendar"
    lines = (await operators.accounting.client.get(path)).json()["items"]
    assert {line["scene"] for line in lines} == {
        "bus", "metro", "ev_ride", "bike", "own_bag", "recycling", "power_saving",
    }  # fmt: skip
    assert [line["gaps"] for line in lines] == [[]] * len(lines)
    none = (await operators.accounting.client.get(path, params={"region": "110100"})).json()["items"]
    assert none == []


async def test_a9_a_retirement_that_became_impossible_shows_no_calendar(ready: Operators) -> None:
    proposal = await ready.propose_retirement("WH-APP-BUS v1", first_day() + timedelta(days=9))
    assert [warning["code"] for warning in proposal["warnings"]] == ["COVERAGE_GAP"]
    await ready.publish(bus_km(since=first_day() + timedelta(days=3)))
    path = f"/proposals/{proposal['proposal_id']}"
    shown = await ready.ok("GET", path)
    assert (shown["status"], shown["warnings"], shown["calendar"]) == ("open", [], [])
    refusal = await ready.refused("POST", f"{path}/approve", {"reason": "已核对"}, who="approver")
    assert refusal == (409, "RETIREMENT_OUTSIDE_INTERVAL")
