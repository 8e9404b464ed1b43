import json
from typing import Any

import pytest

from services.accounting.methodologies.document import (
    canonical_json,
    content_sha256,
    factor_from_plain,
    methodology_from_plain,
    parse_factors,
    parse_methodology,
)
from services.accounting.methodologies.errors import DocumentInvalid
from services.accounting.methodologies.library import library_factors, methodology_texts
from tests.accounting.methodologies.drafts import plain

BIKE = next(text for text in methodology_texts() if "WH-APP-BIKE" in text)


def problems(document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(DocumentInvalid) as refused:
        methodology_from_plain(document)
    return {problem.field: problem.code for problem in refused.value.problems}


def test_the_canonical_form_reads_back_and_keeps_its_hash() -> None:
    for text in methodology_texts():
        document, _ = parse_methodology(text)
        again = methodology_from_plain(json.loads(canonical_json(document)))
        assert again == document
        assert content_sha256(again) == content_sha256(document)
    for factor in library_factors().values():
        assert factor_from_plain(json.loads(canonical_json(factor))) == factor


def test_the_hash_depends_on_the_content_and_not_on_the_layout() -> None:
    document, _ = parse_methodology(BIKE)
    rewritten, _ = parse_methodology("# another comment\n" + BIKE.replace("WH-APP-BIKE", "'WH-APP-BIKE'"))
    as_json, _ = parse_methodology(canonical_json(document))
    changed, _ = parse_methodology(BIKE.replace("speed_kmh_max: 30", "speed_kmh_max: 31"))
    assert content_sha256(document) == content_sha256(rewritten) == content_sha256(as_json)
    assert content_sha256(document) != content_sha256(changed)


def test_the_hash_of_a_published_document_does_not_change() -> None:
    """A change means that the canonical form and the hash of every published document have changed."""
    document, _ = parse_methodology(BIKE)
    canonical = canonical_json(document)
    assert canonical.startswith('{"applies_to":{"event":"trip.completed",')
    assert '"vesting_days":0' in canonical
    assert '"sha256"' not in canonical  # optional and not given
    assert content_sha256(document) == "41ab21fba4f03f72fcfbee288f699c4db963cd5edbde2dbdaa008105aeec7a19"


def test_missing_unknown_and_wrong_keys_are_reported_with_their_positions() -> None:
    text = BIKE.replace("vesting_days: 0\n", "").replace("issuable: false", "issuable: maybe\nissueable: false")
    with pytest.raises(DocumentInvalid) as refused:
        parse_methodology(text)
    found = {problem.field: problem for problem in refused.value.problems}
    assert {field: problem.code for field, problem in found.items()} == {
        "vesting_days": "MISSING",
        "issuable": "BOOL_TYPE",
        "issueable": "EXTRA_FORBIDDEN",
    }
    line = text[: text.index("maybe")].count("\n") + 1
    assert (found["issuable"].line, found["issuable"].column) == (line, 11)
    assert found["issueable"].line == line + 1
    assert "没有这一项" in found["issueable"].message
    assert f"Line {line + 1}" in found["issueable"].message


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"code": "wh app"}, "code", "STRING_PATTERN_MISMATCH"),
        ({"version": 0}, "version", "GREATER_THAN_EQUAL"),
        ({"version": "1"}, "version", "INT_TYPE"),
        ({"version": True}, "version", "INT_TYPE"),
        ({"source_status": "trust me"}, "source_status", "LITERAL_ERROR"),
        ({"region": "4201000"}, "region", "STRING_PATTERN_MISMATCH"),
        ({"effective_from": "1 June"}, "effective_from", "DATE_FROM_DATETIME_PARSING"),
        ({"leakage": "0"}, "leakage", "STRING_PATTERN_MISMATCH"),
        ({"leakage": "0 kg"}, "leakage", "STRING_PATTERN_MISMATCH"),
        ({"inputs": {}}, "inputs", "TOO_SHORT"),
        ({"evidence_tiers": {"hearsay": "1"}}, "evidence_tiers.hearsay", "LITERAL_ERROR"),
        ({"evidence_tiers": {"partner_signed": "1e0"}}, "evidence_tiers.partner_signed", "STRING_PATTERN_MISMATCH"),
        ({"evidence_tiers": {"partner_signed": 1}}, "evidence_tiers.partner_signed", "STRING_TYPE"),
        ({"plausibility": {"distance_m": {"min": 5, "max": 4}}}, "plausibility.distance_m", "VALUE_ERROR"),
        ({"plausibility": {"distance": {"max": 4}}}, "plausibility.distance", "EXTRA_FORBIDDEN"),
        (
            {"applies_to": {"event": "trip.completed", "vehicle_type": ["hovercraft"]}},
            "applies_to.vehicle_type.0",
            "LITERAL_ERROR",
        ),
        ({"examples": []}, "examples", "TOO_SHORT"),
        ({"formula": "x" * 1_001}, "formula", "STRING_TOO_LONG"),
    ],
)
def test_a_value_outside_the_schema_is_refused(change: dict[str, Any], field: str, code: str) -> None:
    assert problems(plain(**change))[field] == code


CAP = {"id": "c.d", "per": "account", "period": "day", "acts": 2, "code": "DAILY_CAP", "zh": "满", "en": "full"}


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "1 gCO2e"},
        {"acts": None},
        {"code": "MONTHLY_CAP"},
        {"period": "week"},
        {"per": "street"},
        {"acts": 0},
        {"acts": None, "amount": "1 km"},
    ],
)
def test_a_cap_limits_either_acts_or_an_amount(change: dict[str, Any]) -> None:
    methodology_from_plain(plain(caps=[CAP]))
    assert any(field.startswith("caps.0") for field in problems(plain(caps=[CAP | change])))


def test_cap_ids_are_unique_in_a_document() -> None:
    assert problems(plain(caps=[CAP, CAP])) == {"caps": "VALUE_ERROR"}


def test_factors_need_exact_decimals() -> None:
    text = """
factors:
  - id: a.b
    name: {zh: 因子, en: factor}
    region: "42"
    vintage: 2023
    unit: kgCO2e/kWh
    value: %s
    source: 公告
    source_status: official
"""
    [factor] = parse_factors(text % '"0.4044"')
    assert factor.value == "0.4044"
    for wrong in ("0.4044", '"0,4"', '"-1"', '"1e3"', "null"):
        with pytest.raises(DocumentInvalid):
            parse_factors(text % wrong)


def test_problems_are_field_errors_of_the_answer() -> None:
    with pytest.raises(DocumentInvalid) as refused:
        methodology_from_plain(plain(version=0))
    assert refused.value.status == 422
    assert [(error.field, error.code) for error in refused.value.field_errors] == [("version", "GREATER_THAN_EQUAL")]
    assert refused.value.detail("zh") == "共 1 处错误，没有保存为可发布的版本。请按列出的位置逐条修改。"
