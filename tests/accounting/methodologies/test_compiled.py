from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from services.accounting.methodologies.compiled import compile_methodology, factor_set, region_prefix
from services.accounting.methodologies.document import parse_methodology
from services.accounting.methodologies.errors import DocumentInvalid, NotComputable
from services.accounting.methodologies.library import library_factors, methodology_texts
from tests.accounting.methodologies.drafts import compiled, factor, formula

DAY = date(2026, 6, 15)


def problems(base: str = "WH-APP-BIKE", **changes: Any) -> dict[str, str]:
    with pytest.raises(DocumentInvalid) as refused:
        compiled(base, **changes)
    return {problem.field: problem.code for problem in refused.value.problems}


def test_grams_are_exact_and_floored_once() -> None:
    thirds = formula("distance / 3 [km] * per", factors={"per": ("gCO2e", "0.001")})
    assert thirds.raw_mg({"distance_m": 2_999}, "partner_signed", DAY) == 0
    assert thirds.raw_mg({"distance_m": 3_000}, "partner_signed", DAY) == 1
    bike = compiled()
    assert bike.raw_mg({"distance_m": 2_360}, "partner_signed", DAY) == 94_400
    assert bike.raw_mg({"distance_m": 10**12}, "partner_signed", DAY) == 40 * 10**12


def test_a_negative_result_earns_nothing() -> None:
    version = formula("distance * a - 1 [kgCO2e]", factors={"a": ("gCO2e/km", "100")})
    assert version.raw_mg({"distance_m": 9_999}, "partner_signed", DAY) == 0
    assert version.raw_mg({"distance_m": 11_000}, "partner_signed", DAY) == 100_000


def test_evidence_multiplies_before_rounding() -> None:
    version = compiled(evidence_tiers={"partner_signed": "1", "photo": "0.5", "self_declared": "0.333"})
    given = {"distance_m": 1_001}
    assert [version.raw_mg(given, tier, DAY) for tier in ("partner_signed", "photo", "self_declared")] == [
        40_040,
        20_020,
        int(Fraction("0.333") * 40_040),
    ]


def test_leakage_and_improvement_are_terms_of_the_formula() -> None:
    version = formula(
        "distance * a * improvement_factor - leakage",
        factors={"a": ("gCO2e/km", "100")},
        leakage="25 gCO2e",
        improvement_rate={"rate": "0.99", "base_year": 2023},
    )
    given = {"distance_m": 1_000}
    assert version.raw_mg(given, "partner_signed", date(2023, 12, 31)) == 75_000
    assert version.raw_mg(given, "partner_signed", date(2024, 1, 1)) == 74_000
    assert version.raw_mg(given, "partner_signed", DAY) == int(Fraction("0.99") ** 3 * 100_000) - 25_000


def test_a_leakage_or_improvement_that_the_formula_ignores_is_refused() -> None:
    assert problems(leakage="1 gCO2e") == {"leakage": "UNUSED_NAME"}
    assert problems(improvement_rate={"rate": "0.99", "base_year": 2023}) == {"improvement_rate": "UNUSED_NAME"}
    assert problems(
        formula="distance * per_km * improvement_factor", improvement_rate={"rate": "1.1", "base_year": 2023}
    ) == {"improvement_rate.rate": "OUT_OF_RANGE"}


def test_a_division_by_zero_refuses_the_act() -> None:
    version = formula("distance / people * a", factors={"a": ("gCO2e*person/km", "100")})
    assert version.raw_mg({"distance_m": 1_000, "passenger_count": 4}, "partner_signed", DAY) == 25_000
    with pytest.raises(NotComputable):
        version.raw_mg({"distance_m": 1_000, "passenger_count": 0}, "partner_signed", DAY)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"formula": "distance *"}, {"formula": "SYNTAX"}),
        ({"formula": "distance + per_km"}, {"formula": "UNITS_DIFFER"}),
        ({"formula": "distance * per_km * distance"}, {"formula": "RESULT_NOT_CO2E"}),
        ({"formula": "distance * per_kilometre"}, {"formula": "UNKNOWN_NAME"}),
        ({"formula": "distance * per_km / 0"}, {"formula": "DIVISION_BY_ZERO"}),
        ({"formula": "5 [gCO2e]"}, {"inputs.distance": "UNUSED_NAME", "factors.per_km": "UNUSED_NAME"}),
        ({"plausibility": {}}, {"plausibility": "BOUND_MISSING"}),
        ({"effective_to": "2023-06-01"}, {"effective_to": "EMPTY_INTERVAL"}),
        ({"evidence_tiers": {"photo": "1.01"}}, {"evidence_tiers.photo": "OUT_OF_RANGE"}),
        ({"issuable": True}, {"issuable": "NOT_ISSUABLE"}),
        ({"issuable": True, "source_status": "official"}, {"issuable": "NOT_ISSUABLE"}),
        (
            {"factors": [{"name": "per_km", "factor_id": "wuhan.app.bike", "vintage": 2025}]},
            {"factors.0": "UNKNOWN_FACTOR"},
        ),
        (
            {"factors": [{"name": "distance", "factor_id": "wuhan.app.bike", "vintage": 2024}]},
            {"factors.0": "NAME_TWICE"},
        ),
        (
            {"factors": [{"name": "leakage", "factor_id": "wuhan.app.bike", "vintage": 2024}]},
            {"factors.0": "NAME_TWICE"},
        ),
        ({"region": "42"}, {"factors.0": "FACTOR_REGION"}),
        ({"region": "420500"}, {"factors.0": "FACTOR_REGION"}),
    ],
)
def test_a_faulty_document_does_not_compile(changes: dict[str, Any], expected: dict[str, str]) -> None:
    assert problems(**changes) == expected


def one_input(**spec: str) -> dict[str, Any]:
    return {"distance": {"title": {"zh": "里程", "en": "distance"}} | spec}


def test_an_input_must_exist_in_the_event_and_have_its_dimension() -> None:
    assert problems(inputs=one_input(unit="kg", **{"from": "distance"})) == {"inputs.distance.unit": "UNITS_DIFFER"}
    assert problems(inputs=one_input(unit="mile", **{"from": "distance"})) == {"inputs.distance.unit": "UNKNOWN_UNIT"}
    assert problems(inputs=one_input(unit="kg", **{"from": "weight_g"})) == {
        "inputs.distance.from": "INPUT_NOT_AVAILABLE",
        "plausibility": "BOUND_MISSING",
    }


def test_an_amount_cap_must_be_whole_milligrams() -> None:
    cap = {"id": "c.d", "per": "account", "period": "day", "code": "DAILY_CAP", "zh": "满", "en": "full"}
    [rule] = compiled(caps=[cap | {"amount": "0.25 kgCO2e"}]).amount_caps
    assert rule.limit == 250_000
    for wrong in ("0 gCO2e", "0.5 mgCO2e", "1.0000001 gCO2e"):
        assert problems(caps=[cap | {"amount": wrong}]) == {"caps.0.amount": "OUT_OF_RANGE"}


def test_a_methodology_with_official_source_and_factors_may_be_issued() -> None:
    known = factor_set([factor("wuhan.app.bike", "gCO2e/km", "40")])
    assert compiled(known=known, issuable=True, source_status="official").document.issuable


def test_problems_have_the_line_and_column_of_their_text() -> None:
    text = next(text for text in methodology_texts() if "WH-APP-BIKE" in text)
    document, marks = parse_methodology(text.replace("distance * per_km", "distance * per_mile"))
    with pytest.raises(DocumentInvalid) as refused:
        compile_methodology(document, library_factors(), marks)
    [problem] = refused.value.problems
    assert text.splitlines()[problem.line - 1][problem.column - 1 :] == "distance * per_km"
    assert "Formula 1:12: The name per_mile is not defined." in problem.text.en


def test_a_factor_given_twice_is_refused() -> None:
    twice = [factor("a.b", "gCO2e/km", "1"), factor("a.b", "gCO2e/km", "2")]
    with pytest.raises(DocumentInvalid, match="FACTOR_TWICE"):
        factor_set(twice)
    with pytest.raises(DocumentInvalid, match="UNKNOWN_UNIT"):
        factor_set([factor("a.b", "g/mile", "1")])


@pytest.mark.parametrize(
    ("code", "prefix"), [("420100", "4201"), ("420000", "42"), ("421000", "4210"), ("420106", "420106"), ("", "")]
)
def test_a_region_code_loses_its_empty_levels(code: str, prefix: str) -> None:
    assert region_prefix(code) == prefix
