"""The example of docs/methodologies.md is a working methodology, and the tables of the page are complete."""

import re
from pathlib import Path

import pytest

from services.accounting.activities import reasons
from services.accounting.activities.examples import failed_examples, run_example
from services.accounting.activities.explanation import explain
from services.accounting.methodologies.compiled import SOURCES, Compiled, compile_methodology, factor_set
from services.accounting.methodologies.document import parse_factors, parse_methodology

PAGE = (Path(__file__).parents[2] / "docs" / "methodologies.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def version() -> Compiled:
    factors, methodology = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    document, marks = parse_methodology(methodology)
    return compile_methodology(document, factor_set(parse_factors(factors)), marks)


def test_its_examples_pass(version: Compiled) -> None:
    assert failed_examples(version) == []


def test_a_wrong_expectation_would_be_found(version: Compiled) -> None:
    changed = version.document.examples[0].model_copy(update={"expect_mg": 988_401})
    document = version.document.model_copy(update={"examples": (changed,)})
    wrong = compile_methodology(document, {(f.id, f.vintage): f for f in version.factors.values()})
    [problem] = failed_examples(wrong)
    assert problem.code == "EXAMPLE_FAILED"
    assert "988401" in problem.message
    assert "988400" in problem.message


def test_it_can_be_explained(version: Compiled) -> None:
    judgement = run_example(version.document.examples[2], version)
    assert [line.zh for line in explain(judgement, version).steps] == [
        "0.15 度/公里 × 0.4044 千克/度 = 60.66 克/公里",
        "160 克/公里 − 60.66 克/公里 = 99.34 克/公里",
        "10 公里 × 99.34 克/公里 × 1 = 993.4 克",
        "993.4 克 − 5 克 = 988.4 克",
        "较大值（0 克，988.4 克） = 988.4 克",
        "988.4 克 × 证明系数 0.8 = 790.72 克",
    ]


def test_the_tables_name_every_reason_and_every_field() -> None:
    codes = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()
    assert {source for source in SOURCES if f"`{source}`" not in PAGE} == set()
