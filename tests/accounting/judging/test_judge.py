"""The judge: each check, and their order."""

import json
import uuid
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from services.accounting.bindings.domain import BindingState
from services.accounting.judging.acts import Act
from services.accounting.judging.domain import (
    MAX_ACT_MG,
    CapUsed,
    Judgement,
    Status,
    cap_keys,
    judge,
    match_acts,
    usage_of,
)
from services.accounting.judging.duplicates import CreditedActs
from services.accounting.judging.stored import from_record, to_record
from services.accounting.judging.subjects import CapKey
from services.accounting.methodologies.compiled import FactorRef
from services.accounting.methodologies.matching import MethodologyIndex
from tests.accounting.judging.acts import CITIZEN, act, local
from tests.accounting.methodologies.drafts import compiled, formula, library_index

HOUR = timedelta(hours=1)


def verdict(*acts: Act, index: MethodologyIndex | None = None, used: dict[CapKey, CapUsed] | None = None) -> Judgement:
    """Return the judgement of the last act."""
    return judge(match_acts(acts, index or library_index()), used or {}).judgements[-1]


def test_a_judgement_has_everything_needed_to_recompute_it() -> None:
    ride = act("bike", distance_m=2_360, duration_s=840)
    got = verdict(ride)
    assert got == Judgement(
        activity_id=ride.activity_id,
        account_id=CITIZEN,
        local_date=ride.local_date,
        status=Status.CREDITED,
        reason_code="CREDITED",
        amount_mg=94_400,
        raw_mg=94_400,
        methodology_code="WH-APP-BIKE",
        methodology_version=1,
        scene="bike",
        evidence_tier="partner_signed",
        factors=(FactorRef("wuhan.app.bike", 2024),),
        inputs={"distance_m": 2_360},
        caps=got.caps,
        vesting_days=0,
        issuable=False,
    )
    [cap] = got.caps
    assert (cap.cap_id, cap.measure, cap.limit, cap.used_before, cap.granted) == ("bike.daily_acts", "acts", 2, 0, 1)
    assert cap.period_start.isoformat() == "2026-06-15"
    assert from_record(json.loads(json.dumps(to_record(got)))) == got
    assert msgspec.json.decode(msgspec.json.encode(got), type=Judgement) == got
    version = library_index().version("WH-APP-BIKE", 1)
    assert version is not None
    assert version.raw_mg(got.inputs, "partner_signed", ride.local_date) == got.raw_mg


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"binding": BindingState.NONE, "account_id": None}, "NO_BINDING"),
        ({"account_id": None}, "NO_BINDING"),
        ({"binding": BindingState.BEFORE}, "BEFORE_BINDING"),
        ({"binding": BindingState.AFTER}, "AFTER_BINDING"),
        ({"binding": BindingState.CONSENT_WITHDRAWN}, "CONSENT_WITHDRAWN"),
        ({"city_code": "110100"}, "NO_METHODOLOGY"),
        ({"propulsion_type": "combustion"}, "NO_METHODOLOGY"),
        ({"at": "2023-05-31T23:59:59"}, "NO_METHODOLOGY"),
        ({"evidence_tier": "self_declared"}, "EVIDENCE_NOT_ACCEPTED"),
        ({"distance_m": None}, "MISSING_INPUT"),
        ({"distance_m": 60_000}, "IMPLAUSIBLE_DISTANCE"),
    ],
)
def test_each_faulty_act_is_refused_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    got = verdict(act("bike", **changes))
    assert (got.reason_code, got.amount_mg, got.raw_mg) == (reason, 0, 0)
    assert got.status is (Status.PARKED if reason == "NO_BINDING" else Status.REFUSED)
    assert usage_of(got) == {}


@pytest.mark.parametrize(
    ("received_after_end", "reason"),
    [
        (timedelta(0), "CREDITED"),
        (timedelta(minutes=-5), "CREDITED"),
        (timedelta(minutes=-5, microseconds=-1), "NOT_YET_HAPPENED"),
        (timedelta(hours=1), "CREDITED"),
        (timedelta(hours=1, microseconds=1), "TOO_LATE"),
    ],
)
def test_the_time_window_is_measured_from_the_end_of_the_act(received_after_end: timedelta, reason: str) -> None:
    start = local("2026-06-15T08:00:00")
    end = start + timedelta(seconds=400)
    ride = act("bike", start, ended_at=end, received_at=end + received_after_end, late_window_s=3_600)
    assert verdict(ride).reason_code == reason


def test_without_an_end_the_time_window_is_measured_from_the_start() -> None:
    start = local("2026-06-15T08:00:00")
    assert verdict(act("bus", start, received_at=start + HOUR, late_window_s=3_600)).reason_code == "CREDITED"
    assert verdict(act("bus", start, received_at=start + HOUR, late_window_s=3_599)).reason_code == "TOO_LATE"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"distance_m": 60_000}, "IMPLAUSIBLE_DISTANCE"),
    ({"late_window_s": 0}, "TOO_LATE"),
    ({"binding": BindingState.NONE, "account_id": None}, "NO_BINDING"),
    ({"propulsion_type": "combustion"}, "NO_METHODOLOGY"),
    ({"evidence_tier": "self_declared"}, "EVIDENCE_NOT_ACCEPTED"),
]


def test_the_first_check_that_fails_gives_the_reason() -> None:
    changes: dict[str, Any] = {}
    for change, reason in reversed(WRONG[:3] + WRONG[4:]):  # without a method there are no limits of distance
        changes |= change
        assert verdict(act("bike", **changes)).reason_code == reason
    changes = {}
    for change, reason in reversed(WRONG[1:]):
        changes |= change
        assert verdict(act("bike", **changes)).reason_code == reason


def test_an_act_that_ends_before_it_starts_is_refused_even_without_a_methodology() -> None:
    start = local("2026-06-15T08:00:00")
    got = verdict(act("bike", start, city_code="110100", duration_s=None, ended_at=start - HOUR))
    assert (got.reason_code, got.methodology_code) == ("IMPLAUSIBLE_TIME", None)
    assert got.detail == {"measure": "elapsed_s", "measured": -3_600, "limit": 0}


def bag_index(**changes: Any) -> MethodologyIndex:
    return MethodologyIndex([compiled("WH-APP-BAG", **changes)])


def cap(name: str, period: str, **limit: Any) -> dict[str, Any]:
    code = {"day": "DAILY_CAP", "month": "MONTHLY_CAP", "year": "YEARLY_CAP"}[period]
    return {"id": name, "per": "account", "period": period, "code": code, "zh": "满", "en": "full"} | limit


def test_an_amount_cap_grants_the_rest_and_then_refuses() -> None:
    index = bag_index(caps=[cap("bags", "day", amount="12 gCO2e")])
    batch = judge(match_acts([act("own_bag", count=number) for number in (1, 1, 3, 1)], index), {})
    assert [(j.amount_mg, j.raw_mg, j.reason_code) for j in batch.judgements] == [
        (5_000, 5_000, "CREDITED"),
        (5_000, 5_000, "CREDITED"),
        (2_000, 15_000, "PARTLY_CAPPED"),
        (0, 5_000, "DAILY_CAP"),
    ]
    third, fourth = batch.judgements[2:]
    assert [(c.measure, c.limit, c.used_before, c.granted) for c in third.caps] == [("mg", 12_000, 10_000, 2_000)]
    assert [(c.used_before, c.granted) for c in fourth.caps] == [(12_000, 0)]
    [(key, used)] = batch.usage.items()
    assert (key.cap_id, key.period_start.isoformat()) == ("bags", "2026-06-15")
    assert used == CapUsed(3, 12_000)


def test_count_caps_come_before_amount_caps_and_the_tightest_amount_wins() -> None:
    caps = [
        cap("day_amount", "day", amount="8 gCO2e"),
        cap("month_amount", "month", amount="14 gCO2e"),
        cap("year_acts", "year", acts=3),
    ]
    acts = [act("own_bag", f"2026-06-{day}T10:00:00", count=2) for day in (10, 11, 12, 13)]
    batch = judge(match_acts(acts, bag_index(caps=caps)), {})
    assert [(j.amount_mg, j.reason_code) for j in batch.judgements] == [
        (8_000, "PARTLY_CAPPED"),
        (6_000, "PARTLY_CAPPED"),
        (0, "MONTHLY_CAP"),
        (0, "MONTHLY_CAP"),
    ]
    used = {CapKey(CITIZEN, "year_acts", acts[0].local_date.replace(month=1, day=1)): CapUsed(3, 0)}
    assert judge(match_acts(acts[:1], bag_index(caps=caps)), used).judgements[0].reason_code == "YEARLY_CAP"


def test_a_refused_act_uses_no_cap() -> None:
    index = library_index()
    acts = [act("bike", distance_m=99_999), act("bike", binding=BindingState.BEFORE), *(act("bike") for _ in range(3))]
    batch = judge(match_acts(acts, index), {})
    assert [j.reason_code for j in batch.judgements[2:]] == ["CREDITED", "CREDITED", "DAILY_CAP"]
    assert list(batch.usage.values()) == [CapUsed(2, 80_000)]


def test_an_amount_below_a_milligram_is_refused_and_uses_no_cap() -> None:
    tiny = {"per": ("gCO2e/km", "0.0009")}
    index = MethodologyIndex([formula("distance * per", factors=tiny, caps=[cap("c", "day", acts=1)])])
    ride = act("ev_ride", distance_m=1_000, vehicle_type="bicycle", propulsion_type=None)
    batch = judge(match_acts([ride, ride], index), {})
    assert [(j.reason_code, j.status) for j in batch.judgements] == [("BELOW_MINIMUM", Status.REFUSED)] * 2
    assert batch.usage == {}


def test_a_division_by_zero_refuses_one_act_not_the_batch() -> None:
    index = MethodologyIndex([formula("distance / duration * a", factors={"a": ("gCO2e*h/km", "1")})])
    batch = judge(match_acts([act("bike", duration_s=0), act("bike", duration_s=3_600)], index), {})
    assert [j.reason_code for j in batch.judgements] == ["NOT_COMPUTABLE", "CREDITED"]
    assert batch.judgements[0].inputs == {"distance_m": 1_000, "duration_s": 0}


def test_a_result_above_the_maximum_is_refused() -> None:
    index = MethodologyIndex([formula("distance * a", factors={"a": ("tCO2e/km", "1000")})])
    kilometre, more = act("bike", distance_m=1_000), act("bike", distance_m=1_001)
    assert verdict(kilometre, index=index).amount_mg == MAX_ACT_MG
    assert verdict(more, index=index).reason_code == "IMPLAUSIBLE_AMOUNT"


def test_the_evidence_tier_multiplies_the_amount() -> None:
    index = bag_index(evidence_tiers={"partner_signed": "1", "self_declared": "0.5"})
    assert verdict(act("own_bag", evidence_tier="self_declared"), index=index).amount_mg == 2_500


def test_cap_keys_are_the_counters_that_the_judge_uses() -> None:
    acts = [act("own_bag"), act("bus", account_id=uuid.UUID(int=8)), act("bus", account_id=None), act("power_saving")]
    day = acts[0].local_date
    assert cap_keys(match_acts(acts, library_index())) == {
        (CITIZEN, "own_bag.daily_acts", day),
        (CITIZEN, "own_bag.daily_amount", day),
        (uuid.UUID(int=8), "bus.daily_acts", day),
    }


def test_earlier_usage_counts_towards_a_cap() -> None:
    day = act("bus").local_date
    used = {CapKey(CITIZEN, "bus.daily_acts", day): CapUsed(1, 150_000)}
    batch = judge(match_acts([act("bus"), act("bus")], library_index()), used)
    assert [j.reason_code for j in batch.judgements] == ["CREDITED", "DAILY_CAP"]
    assert batch.usage == {CapKey(CITIZEN, "bus.daily_acts", day): CapUsed(1, 150_000)}
    assert used == {CapKey(CITIZEN, "bus.daily_acts", day): CapUsed(1, 150_000)}


def test_the_cap_day_is_the_day_of_the_start_in_shanghai() -> None:
    acts = [act("bus", f"2026-06-{moment}") for moment in ("14T23:00:00", "14T23:30:00", "15T00:00:00", "15T00:30:00")]
    assert len({moment.occurred_at.date() for moment in acts}) == 1  # one day in UTC
    assert [j.reason_code for j in judge(match_acts(acts, library_index()), {}).judgements] == ["CREDITED"] * 4


def test_a_cap_month_begins_at_midnight_in_shanghai() -> None:
    acts = [act("recycling", f"2026-06-30T{hour}:00:00") for hour in (20, 21, 22, 23)]
    acts.append(act("recycling", "2026-07-01T00:00:00"))
    assert [j.reason_code for j in judge(match_acts(acts, library_index()), {}).judgements] == [
        "CREDITED", "CREDITED", "CREDITED", "MONTHLY_CAP", "CREDITED",
    ]  # fmt: skip


def test_the_same_trip_from_two_partners_counts_once() -> None:
    start = local("2026-06-15T08:00:00")
    first = act("ev_ride", start, partner_id="one")
    again = act("ev_ride", start + timedelta(seconds=40), partner_id="two")
    other = act("ev_ride", start + HOUR, partner_id="two")
    batch = judge(match_acts([first, again, other], library_index()), {}, CreditedActs())
    assert [j.reason_code for j in batch.judgements] == ["CREDITED", "DUPLICATE_ACT", "CREDITED"]
    assert batch.judgements[1].detail == {"original": str(first.activity_id)}


def test_a_refused_act_does_not_make_its_twin_a_duplicate() -> None:
    start = local("2026-06-15T08:00:00")
    refused = act("ev_ride", start, distance_m=300_000)
    batch = judge(match_acts([refused, act("ev_ride", start)], library_index()), {}, CreditedActs())
    assert [j.reason_code for j in batch.judgements] == ["IMPLAUSIBLE_DISTANCE", "CREDITED"]
