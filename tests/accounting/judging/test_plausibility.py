"""Plausible acts: the limits of each mode, and faults of real GPS records."""

from datetime import timedelta
from typing import Any

import pytest

from services.accounting.explaining.domain import reason_text
from services.accounting.judging.domain import judge, match_acts
from services.accounting.judging.plausibility import find_broken_limit
from services.accounting.methodologies.errors import DocumentInvalid
from services.accounting.methodologies.matching import MethodologyIndex
from tests.accounting.judging.acts import act, local
from tests.accounting.methodologies.drafts import compiled, library_index, plain


def reason(scene: str, **changes: Any) -> str:
    return judge(match_acts([act(scene, **changes)], library_index()), {}).judgements[0].reason_code


@pytest.mark.parametrize(
    ("scene", "distance_m", "duration_s", "expected"),
    [
        ("ev_ride", 299, 600, "IMPLAUSIBLE_DISTANCE"),
        ("ev_ride", 300, 60, "CREDITED"),
        ("ev_ride", 300, 59, "IMPLAUSIBLE_DURATION"),
        ("ev_ride", 150_000, 4_500, "CREDITED"),
        ("ev_ride", 150_000, 4_499, "IMPLAUSIBLE_SPEED"),
        ("ev_ride", 150_001, 7_200, "IMPLAUSIBLE_DISTANCE"),
        ("ev_ride", 20_000, 14_400, "CREDITED"),
        ("ev_ride", 20_000, 14_401, "IMPLAUSIBLE_DURATION"),
        ("ev_ride", 2_000, 3_600, "CREDITED"),
        ("ev_ride", 1_999, 3_600, "IMPLAUSIBLE_SPEED"),
        ("bike", 99, 60, "IMPLAUSIBLE_DISTANCE"),
        ("bike", 100, 30, "CREDITED"),
        ("bike", 3_000, 360, "CREDITED"),
        ("bike", 3_001, 360, "IMPLAUSIBLE_SPEED"),
        ("bike", 2_000, 14_401, "IMPLAUSIBLE_DURATION"),
        ("metro", 12_000, 1_800, "CREDITED"),
        ("metro", 12_000, 359, "IMPLAUSIBLE_SPEED"),
        ("bus", 99, 600, "IMPLAUSIBLE_DISTANCE"),
        ("bus", 5_000, 179, "IMPLAUSIBLE_SPEED"),
        ("bus", 5_000, 180, "CREDITED"),
    ],
)
def test_limits_of_distance_duration_and_speed_are_inclusive(
    scene: str, distance_m: int, duration_s: int, expected: str
) -> None:
    assert reason(scene, distance_m=distance_m, duration_s=duration_s) == expected


@pytest.mark.parametrize(
    ("scene", "changes", "expected"),
    [
        ("own_bag", {"count": 0}, "IMPLAUSIBLE_AMOUNT"),
        ("own_bag", {"count": 21}, "IMPLAUSIBLE_AMOUNT"),
        ("recycling", {"weight_g": 9}, "IMPLAUSIBLE_AMOUNT"),
        ("recycling", {"weight_g": 200_001}, "IMPLAUSIBLE_AMOUNT"),
        ("power_saving", {"energy_wh": 0}, "IMPLAUSIBLE_AMOUNT"),
        ("power_saving", {"energy_wh": 3_000_001}, "IMPLAUSIBLE_AMOUNT"),
        ("power_saving", {"duration_s": 90 * 86_400}, "IMPLAUSIBLE_DURATION"),
        ("ev_ride", {"passenger_count": 10}, "IMPLAUSIBLE_AMOUNT"),
    ],
)
def test_quantities_outside_their_limits_are_refused(scene: str, changes: dict[str, Any], expected: str) -> None:
    assert reason(scene, **changes) == expected


@pytest.mark.parametrize(
    ("distance_m", "straight_line_m", "expected"),
    [
        (5_000, 5_000, "CREDITED"),
        (5_000, 0, "CREDITED"),
        (5_000, 6_500, "CREDITED"),
        (5_000, 6_501, "CREDITED"),  # 5,200.8 is floored to 5,200, less 200
        (5_000, 6_502, "IMPLAUSIBLE_DISTANCE"),
        (1_000, 1_500, "CREDITED"),
        (1_000, 1_502, "IMPLAUSIBLE_DISTANCE"),
    ],
)
def test_a_route_is_not_shorter_than_the_straight_line(distance_m: int, straight_line_m: int, expected: str) -> None:
    assert reason("ev_ride", distance_m=distance_m, straight_line_m=straight_line_m) == expected


@pytest.mark.parametrize(
    ("distance_m", "duration_s", "straight_line_m", "expected"),
    [
        pytest.param(5_594, 789, 3_359, "CREDITED", id="an ordinary trip"),
        pytest.param(0, 51, 0, "IMPLAUSIBLE_DURATION", id="meter switched on and off"),
        pytest.param(22, 90, 22, "IMPLAUSIBLE_DISTANCE", id="hardly moved"),
        pytest.param(511_943, 987, 21_886, "IMPLAUSIBLE_DISTANCE", id="GPS jump, 1,867 km/h"),
        pytest.param(24_590, 352, 23_392, "IMPLAUSIBLE_SPEED", id="251 km/h"),
        pytest.param(135_449, 2_001, 23_874, "IMPLAUSIBLE_SPEED", id="244 km/h"),
        pytest.param(26_617, 12_346, 22_300, "CREDITED", id="three and a half hours through the city"),
        pytest.param(619_781, 22_985, 10_091, "IMPLAUSIBLE_DURATION", id="meter left running"),
    ],
)
def test_faulty_records_of_real_taxis_are_refused(
    distance_m: int, duration_s: int, straight_line_m: int, expected: str
) -> None:
    changes = {"distance_m": distance_m, "duration_s": duration_s, "straight_line_m": straight_line_m}
    assert reason("ev_ride", **changes) == expected


@pytest.mark.parametrize(
    ("elapsed_s", "duration_s", "expected"),
    [
        (1_290, 1_290, "CREDITED"),
        (1_290, 900, "CREDITED"),  # pauses left out
        (1_290, 1_350, "CREDITED"),  # clocks rounded to minutes
        (1_290, 1_351, "IMPLAUSIBLE_TIME"),
        (0, 1_290, "IMPLAUSIBLE_TIME"),
        (-1, None, "IMPLAUSIBLE_TIME"),
    ],
)
def test_start_end_and_duration_must_agree(elapsed_s: int, duration_s: int | None, expected: str) -> None:
    start = local("2026-06-15T08:00:00")
    changes = {"at": start, "ended_at": start + timedelta(seconds=elapsed_s), "duration_s": duration_s}
    assert reason("ev_ride", **changes) == expected


def test_without_a_duration_start_and_end_give_the_speed() -> None:
    start = local("2026-06-15T08:00:00")
    changes = {"at": start, "duration_s": None, "distance_m": 10_000}
    assert reason("ev_ride", ended_at=start + timedelta(seconds=300), **changes) == "CREDITED"
    assert reason("ev_ride", ended_at=start + timedelta(seconds=299), **changes) == "IMPLAUSIBLE_SPEED"
    assert reason("ev_ride", **changes) == "CREDITED"  # nothing to check against


POWER = {
    "energy_wh": {"max": 3_000_000},
    "baseline_wh": {"max": 10_000_000},
    "per_hour": {"energy_wh": {"max": 20_000}},
    "relations": [{"field": "energy_wh", "at_most": "baseline_wh"}],
}


@pytest.mark.parametrize(
    ("changes", "expected", "sentence"),
    [
        ({"energy_wh": 20_000, "duration_s": 3_600}, None, ""),
        ({"energy_wh": 20_001, "duration_s": 3_600}, "IMPLAUSIBLE_RATE", "平均功率 20001 瓦，超过上限 20000 瓦"),
        ({"energy_wh": 1_000_000, "duration_s": 86_400}, "IMPLAUSIBLE_RATE", "平均功率 41666 瓦"),
        ({"energy_wh": 400_000, "baseline_wh": 400_000}, None, ""),
        (
            {"energy_wh": 500_000, "baseline_wh": 400_000},
            "IMPLAUSIBLE_RATIO",
            "电量与基准电量之比 125 %，超过上限 100 %",
        ),
        ({"energy_wh": 400_001, "baseline_wh": 400_000}, "IMPLAUSIBLE_RATIO", "101 %，超过上限 100 %"),
        ({"energy_wh": 1, "baseline_wh": 0}, "IMPLAUSIBLE_RATIO", "超过上限 100 %"),
        ({"energy_wh": 500_000, "baseline_wh": None}, None, ""),
    ],
)
def test_a14_power_and_relations_between_amounts_are_checked_and_explained(
    changes: dict[str, Any], expected: str | None, sentence: str
) -> None:
    version = compiled("WH-APP-POWER", plausibility={**plain("WH-APP-POWER")["plausibility"], **POWER})
    one = act("power_saving", **{"duration_s": 30 * 86_400, **changes})
    found = find_broken_limit(one, version.document.plausibility)
    assert (found and found.code) == expected
    if found is not None:
        judgement = judge(match_acts([one], MethodologyIndex([version])), {}).judgements[0]
        assert judgement.reason_code == expected
        assert sentence in reason_text(judgement, version).zh
        assert "above the limit" in reason_text(judgement, version).en


def test_a14_a_weight_per_hour_and_half_of_another_amount_are_bounds_as_well() -> None:
    rules = plain("WH-APP-RECYCLE")["plausibility"] | {"per_hour": {"weight_g": {"max": 50_000}}}
    limits = compiled("WH-APP-RECYCLE", plausibility=rules).document.plausibility
    found = find_broken_limit(act("recycling", weight_g=60_000, duration_s=3_600), limits)
    assert found == ("IMPLAUSIBLE_RATE", "weight_g_per_hour", 60_000, 50_000)
    half = plain("WH-APP-POWER")["plausibility"] | POWER
    half["relations"] = [{"field": "energy_wh", "at_most": "baseline_wh", "percent": 50}]
    limits = compiled("WH-APP-POWER", plausibility=half).document.plausibility
    found = find_broken_limit(act("power_saving", energy_wh=201, baseline_wh=400, duration_s=86_400), limits)
    assert found == ("IMPLAUSIBLE_RATIO", "energy_wh_to_baseline_wh_percent", 51, 50)


@pytest.mark.parametrize(
    "rules",
    [
        {"per_hour": {"energy_wh": {"max": 1}}},
        {"relations": [{"field": "count", "at_most": "baseline_wh"}]},
        {"relations": [{"field": "count", "at_most": "count"}]},
        {"relations": [{"field": "count", "at_most": "weight_g", "percent": 0}]},
        {"per_hour": {"happiness": {"max": 1}}},
        {"per_hour": {"count": {"max": 1.5}}},
    ],
)
def test_a14_bounds_on_amounts_that_an_act_does_not_have_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(DocumentInvalid):
        compiled("WH-APP-BAG", plausibility=plain("WH-APP-BAG")["plausibility"] | rules)


@pytest.mark.parametrize("scene", ["bike", "ev_ride"])
@pytest.mark.parametrize("changes", [{"trip_type": "empty"}, {"trip_type": "reservation"}])
def test_d7_a_trip_without_a_passenger_earns_nothing_whatever_the_vehicle(scene: str, changes: Any) -> None:
    assert reason(scene, **changes) == "NOBODY_CARRIED"


def test_d7_a_trip_of_zero_passengers_earns_nothing_where_no_methodology_asks_for_them() -> None:
    assert reason("bike", passenger_count=0) == "NOBODY_CARRIED"
    assert reason("bike", passenger_count=1) == "CREDITED"
    assert reason("ev_ride", passenger_count=0) == "IMPLAUSIBLE_AMOUNT"  # its methodology asks for one to nine
    assert reason("bike", vehicle_type="motorcycle", passenger_count=0) == "NOBODY_CARRIED"  # before NO_METHODOLOGY


def test_d7_other_kinds_of_acts_carry_nobody_and_count() -> None:
    assert reason("metro", trip_type=None) == "CREDITED"
    assert reason("own_bag", passenger_count=None) == "CREDITED"


def test_d7_the_citizen_reads_a_sentence_without_figures() -> None:
    [judgement] = judge(match_acts([act("bike", trip_type="empty")], library_index()), {}).judgements
    assert reason_text(judgement, None).zh == "按合作方的记录，这一程车上没有乘客，没有累计。"
