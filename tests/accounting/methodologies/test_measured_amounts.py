"""Methodologies on amounts that only worked examples have: previous periods, households, legs, shares."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.accounting.judging.acts import Act
from services.accounting.judging.examples import acts_of, failed_examples, run_example
from services.accounting.methodologies.document import Example, methodology_from_plain, parse_methodology
from services.accounting.methodologies.errors import DocumentInvalid, NotComputable
from services.accounting.methodologies.library import shelf_texts
from tests.accounting.methodologies.drafts import compiled, factor, plain

HOUSE = "HB-RESELEC-SZ2022"
JOURNEY = "BJ-TRAVEL-3043"
DAY = date(2026, 6, 15)


def problems(base: str, **changes: Any) -> dict[str, str]:
    with pytest.raises(DocumentInvalid) as refused:
        compiled(base, **changes)
    return {problem.field: problem.code for problem in refused.value.problems}


def spec(unit: str, source: str) -> dict[str, Any]:
    return {"title": {"zh": "量", "en": "amount"}, "unit": unit, "from": source}


def house_inputs(**changes: Any) -> dict[str, Any]:
    inputs: dict[str, Any] = plain(HOUSE)["inputs"]
    return inputs | changes


def test_an_average_must_have_a_unit_of_energy() -> None:
    wrong = house_inputs(average=spec("kg", "average_wh_7d"))
    assert problems(HOUSE, inputs=wrong) == {"inputs.average.unit": "UNITS_DIFFER"}
    mixed = "if(used <= persons * per_person, persons * per_person - used, max(0, average - persons)) * grid"
    assert problems(HOUSE, formula=mixed) == {"formula": "UNITS_DIFFER"}


def test_a_previous_period_without_a_bound_is_refused() -> None:
    """The average is only claimed, and the formula credits up to it."""
    limits = {name: limit for name, limit in plain(HOUSE)["plausibility"].items() if name != "average_wh_7d"}
    assert problems(HOUSE, plausibility=limits) == {"plausibility": "BOUND_MISSING"}


@pytest.mark.parametrize("unknown", ["average_wh_30d", "average_wh_7d.max", "__class__"])
def test_an_unknown_period_is_refused(unknown: str) -> None:
    document = plain(HOUSE, inputs=house_inputs(average=spec("kWh", unknown)))
    with pytest.raises(DocumentInvalid) as refused:
        methodology_from_plain(document)
    assert [(p.field, p.code) for p in refused.value.problems] == [("inputs.average.from", "LITERAL_ERROR")]


@pytest.mark.parametrize("source", ["average_wh_7d", "persons", "used_wh", "od_distance", "by_rail", "steps"])
def test_a_reported_kind_of_act_has_no_measured_amounts(source: str) -> None:
    unit = {"persons": "person", "steps": "step", "od_distance": "km", "by_rail": "km"}.get(source, "kWh")
    inputs = {"saved": spec("kWh", "energy_wh"), "more": spec(unit, source)}
    assert problems("WH-APP-POWER", inputs=inputs)["inputs.more.from"] == "INPUT_NOT_AVAILABLE"


def test_a_bound_on_a_measured_amount_is_refused_for_reported_kinds() -> None:
    limits = plain("WH-APP-BIKE")["plausibility"] | {"walked_m": {"max": 10}, "persons": {"max": 3}}
    assert problems("WH-APP-BIKE", plausibility=limits) == {
        "plausibility.walked_m": "INPUT_NOT_AVAILABLE",
        "plausibility.persons": "INPUT_NOT_AVAILABLE",
    }
    assert not hasattr(Act, "walked_m")


def test_a_charging_loss_of_everything_is_refused() -> None:
    known = dict(compiled_factors())
    known["car.charging_loss", 2021] = factor("car.charging_loss", "1", "1", vintage=2021)
    with pytest.raises(DocumentInvalid, match="DIVISION_BY_ZERO"):
        compiled("HB-CSAE235-EV", known=known)


def test_a_charging_loss_raises_the_consumption_of_the_car() -> None:
    known = dict(compiled_factors())
    known["car.charging_loss", 2021] = factor("car.charging_loss", "1", "0.1", vintage=2021)
    ten_km = {"distance_m": 10_000}
    without, lossy = compiled("HB-CSAE235-EV"), compiled("HB-CSAE235-EV", known=known)
    assert without.raw_mg(ten_km, "partner_signed", DAY) == 992_888  # 1,599,488 − 606,600
    assert lossy.raw_mg(ten_km, "partner_signed", DAY) == 925_488  # 1,599,488 − 674,000


def compiled_factors() -> dict[tuple[str, int], Any]:
    return {(used.id, used.vintage): used for used in compiled("HB-CSAE235-EV").factors.values()}


def test_an_average_of_zero_refuses_only_that_day() -> None:
    version = compiled(HOUSE, formula="persons * per_person * (1 - used / average) * grid")
    day = {"persons": 3, "used_wh": 6_000}
    assert version.raw_mg(day | {"average_wh_7d": 12_000}, "partner_signed", DAY) == 1_516_500
    with pytest.raises(NotComputable):
        version.raw_mg(day | {"average_wh_7d": 0}, "partner_signed", DAY)


@given(
    persons=st.integers(1, 10),
    used=st.integers(300, 60_000),
    average=st.integers(0, 60_000),
    less=st.integers(0, 5_000),
)
def test_using_less_never_earns_less(persons: int, used: int, average: int, less: int) -> None:
    version = compiled(HOUSE)

    def worth(wh: int) -> int:
        return version.raw_mg({"persons": persons, "used_wh": wh, "average_wh_7d": average}, "partner_signed", DAY)

    if used <= persons * 2_500 or used - less > persons * 2_500:  # on one side of the baseline
        assert worth(max(0, used - less)) >= worth(used)


@given(
    legs=st.tuples(*[st.integers(0, 30_000)] * 4), direct=st.integers(0, 100_000), more=st.integers(0, 100_000)
)  # fmt: skip
def test_a_claimed_direct_distance_never_earns_more_than_the_distance_travelled(
    legs: tuple[int, int, int, int], direct: int, more: int
) -> None:
    version = compiled(JOURNEY)
    travelled = dict(zip(("walked_m", "cycled_m", "by_bus_m", "by_rail_m"), legs, strict=True))

    def worth(direct_m: int) -> int:
        return version.raw_mg(travelled | {"od_distance_m": direct_m}, "partner_signed", DAY)

    assert worth(direct) <= worth(direct + more) <= worth(sum(legs)) <= sum(legs) * 104


def example(**changes: Any) -> Example:
    document = plain("TTXQ-METRO-2021")
    return methodology_from_plain(document | {"examples": [document["examples"][2] | changes]}).examples[0]


def test_an_example_with_repeats_uses_the_rule_of_duplicates() -> None:
    metro = compiled("TTXQ-METRO-2021")
    proof, check_in = acts_of(example(), metro)
    assert (proof.evidence_tier, check_in.evidence_tier) == ("photo", "self_declared")
    judged = run_example(example(), metro)
    assert (judged.reason_code, judged.amount_mg) == ("DUPLICATE_ACT", 0)
    assert judged.detail == {"original": str(proof.activity_id)}
    apart = compiled("TTXQ-METRO-2021", exclusivity_groups=[])
    assert (run_example(example(), apart).amount_mg, len(failed_examples(apart))) == (137_000, 1)


def test_the_repeated_act_of_an_example_has_the_fields_of_an_act() -> None:
    with pytest.raises(DocumentInvalid, match="EXTRA_FORBIDDEN"):
        example(repeats={"evidence": "photo"})


def test_a_fault_of_a_shelved_document_has_its_line() -> None:
    text = next(text for text in shelf_texts() if HOUSE in text)
    with pytest.raises(DocumentInvalid) as refused:
        parse_methodology(text.replace("from: average_wh_7d", "from: average_wh"))
    [problem] = refused.value.problems
    assert text.splitlines()[problem.line - 1].strip() == "from: average_wh_7d"
