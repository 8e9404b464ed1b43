from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.accounting.bindings.domain import BindingState
from services.accounting.explaining.domain import Explanation, explain
from services.accounting.judging import reasons
from services.accounting.judging.acts import Act
from services.accounting.judging.domain import judge, match_acts
from services.accounting.judging.stored import from_record, to_record
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.sentences.verdicts import VERDICTS
from shared.amounts import exact
from tests.accounting.judging.acts import act
from tests.accounting.methodologies.drafts import compiled, formula, library_index


def explain_last(*acts: Act, index: MethodologyIndex | None = None) -> Explanation:
    """Return the explanation of the last act, from its stored judgement."""
    using = index or library_index()
    judgement = from_record(to_record(judge(match_acts(acts, using), {}).judgements[-1]))
    version = using.version(judgement.methodology_code or "", judgement.methodology_version or 0)
    return explain(judgement, version)


def test_a_credited_ride_is_explained_with_its_numbers() -> None:
    got = explain_last(act("bike", distance_m=2_360, duration_s=840))
    assert (got.reason.zh, got.reason.en) == ("累计 94.4 克。", "94.4 g credited.")
    assert got.formula is not None
    assert got.formula.zh == "骑行里程 × 骑行每公里减排量"
    assert got.formula_source == "distance * per_km"
    assert [(i.name, i.field, i.value.zh, i.value.en) for i in got.inputs] == [
        ("distance", "distance_m", "2.36 公里", "2.36 km")
    ]
    [factor] = got.factors
    assert (factor.factor_id, factor.vintage, factor.value.zh) == ("wuhan.app.bike", 2024, "40 克/公里")
    assert (factor.source_status, "长江日报" in factor.source) == ("published_app_value", True)
    assert [line.zh for line in got.steps] == ["2.36 公里 × 40 克/公里 = 94.4 克"]
    assert got.evidence is not None
    assert got.evidence.zh == "合作方系统签名上报（系数 1）"
    assert [cap.text.zh for cap in got.caps] == ["当天上限 2 次，此前已计 0 次"]
    assert got.methodology is not None
    version = library_index().version("WH-APP-BIKE", 1)
    assert version is not None
    assert got.methodology.sha256 == version.sha256
    assert got.reason == ("累计 94.4 克。", "94.4 g credited.")


def test_an_act_above_a_cap_is_explained_with_the_sentence_of_the_cap() -> None:
    got = explain_last(*(act("bus") for _ in range(3)))
    assert got.reason.zh == "今天的公交已计满 2 次，这一次不再累计。"
    assert [line.zh for line in got.steps] == ["1 次 × 150 克/次 = 150 克", "按上限计入 0 克"]


def test_a_partial_grant_is_explained() -> None:
    got = explain_last(act("own_bag", count=3))
    assert got.reason.zh == "接近上限：这一次本可累计 15 克，额度只剩 10 克，计入 10 克。"
    assert [line.en for line in got.steps] == ["3 piece × 5 g/piece = 15 g", "after caps: 10 g"]


def test_evidence_and_rounding_are_steps() -> None:
    index = MethodologyIndex([compiled(evidence_tiers={"partner_signed": "0.333"})])
    got = explain_last(act("bike", distance_m=1_001, duration_s=400), index=index)
    assert [line.zh for line in got.steps] == [
        "1.001 公里 × 40 克/公里 = 40.04 克",
        "40.04 克 × 证明系数 0.333 = 13.33332 克",
        "舍去不足 1 毫克的部分：13.333 克",
    ]


def test_a_negative_result_is_explained() -> None:
    index = MethodologyIndex([formula("distance * a - 1 [kgCO2e]", factors={"a": ("gCO2e/km", "100")})])
    got = explain_last(act("bike"), index=index)
    assert got.reason_code == "BELOW_MINIMUM"
    assert [line.zh for line in got.steps] == [
        "1 公里 × 100 克/公里 = 100 克",
        "100 克 − 1.00 千克 = −900 克",
        "结果为负，按 0 计",
    ]


@pytest.mark.parametrize(
    ("changes", "zh"),
    [
        ({"distance_m": 3_000_000}, "里程 3000000 米，超过上限 50000 米，没有累计。"),
        ({"distance_m": 6_000, "duration_s": 600}, "平均时速 36 公里，超过上限 30 公里，没有累计。"),
        ({"straight_line_m": 2_000}, "里程（对照两端直线距离） 1000 米，低于下限 1400 米，没有累计。"),
        ({"distance_m": None}, "合作方没有上报骑行里程，算不出减碳量，没有累计。"),
        ({"evidence_tier": "photo"}, "这类行为不能用这种方式证明，没有累计。"),
        ({"binding": BindingState.BEFORE}, "这次行为在您绑定合作方之前，没有累计。绑定以后的会自动累计。"),
        ({"city_code": "110100"}, "这类行为当时在当地还没有核算办法，没有累计。"),
    ],
)
def test_refusals_name_the_measured_value_and_the_limit(changes: dict[str, Any], zh: str) -> None:
    got = explain_last(act("bike", **changes))
    assert got.reason.zh == zh
    assert got.reason.en
    assert got.steps == ()


def test_every_reason_has_two_sentences() -> None:
    codes = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert codes == set(VERDICTS)
    for code, sentence in VERDICTS.items():
        assert sentence.zh.endswith("。"), code
        assert sentence.en.endswith("."), code


FACTORS = {"a": ("gCO2e/km", "12.5"), "b": ("gCO2e/h", "3.3")}
FORMULAS = st.sampled_from(
    [
        "distance * a",
        "max(0, distance * a - duration * b)",
        "if(distance > 2 [km], distance * a, duration * b) - leakage",
        "clamp(distance, 1 [km], 3 [km]) * a * improvement_factor + floor(duration / 0.1 [h]) * b * 1 [h]",
    ]
)


@given(FORMULAS, st.integers(100, 5_000), st.integers(600, 4_000), st.sampled_from(["1", "0.7"]))
@settings(deadline=None, max_examples=50)
def test_any_formula_can_be_explained(text: str, distance_m: int, duration_s: int, multiplier: str) -> None:
    """The last step shows the credited amount."""
    factors = {name: spec for name, spec in FACTORS.items() if f" {name}" in text}
    version = formula(
        text,
        factors=factors,
        leakage="2 gCO2e" if "leakage" in text else "0 gCO2e",
        improvement_rate={"rate": "0.97" if "improvement" in text else "1", "base_year": 2024},
        evidence_tiers={"partner_signed": multiplier},
    )
    got = explain_last(act("bike", distance_m=distance_m, duration_s=duration_s), index=MethodologyIndex([version]))
    if got.amount_mg:
        assert got.steps[-1].zh.endswith(exact(got.amount_mg).zh)
    else:
        assert got.reason_code == "BELOW_MINIMUM"
