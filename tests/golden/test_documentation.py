"""docs/methodologies.md: its example is a working methodology, and its tables are complete."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from services.accounting.explaining.domain import explain
from services.accounting.judging import reasons
from services.accounting.judging.domain import judge, match_acts
from services.accounting.judging.examples import failed_examples, run_example
from services.accounting.methodologies.compiled import SOURCES, Compiled, compile_methodology, factor_set
from services.accounting.methodologies.document import parse_factors, parse_methodology
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.methodologies.shelf import shelf, trust_of
from tests.accounting.judging.acts import act

PAGE = (Path(__file__).parents[2] / "docs" / "methodologies.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def version() -> Compiled:
    factors, methodology = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    document, marks = parse_methodology(methodology)
    return compile_methodology(document, factor_set(parse_factors(factors)), marks)


def test_examples_of_the_page_pass(version: Compiled) -> None:
    assert failed_examples(version) == []


def test_wrong_example_amount_is_found(version: Compiled) -> None:
    changed = version.document.examples[0].model_copy(update={"expect_mg": 920_489})
    document = version.document.model_copy(update={"examples": (changed,)})
    wrong = compile_methodology(document, {(f.id, f.vintage): f for f in version.factors.values()})
    [problem] = failed_examples(wrong)
    assert problem.code == "EXAMPLE_FAILED"
    assert "920489" in problem.message
    assert "920488" in problem.message


def test_trip_of_the_page_earns_the_printed_amount(version: Compiled) -> None:
    [event] = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
    data = json.loads(event)["data"]
    start, end = (datetime.fromisoformat(data[name]) for name in ("start_time", "end_time"))
    trip = act(
        "ev_ride",
        start,
        ended_at=end,
        duration_s=None,
        distance_m=data["distance"],
        **{name: data[name] for name in ("vehicle_type", "propulsion_type", "trip_type", "city_code")},
    )
    [judgement] = judge(match_acts([trip], MethodologyIndex([version])), {}).judgements
    assert (judgement.amount_mg, judgement.reason_code) == (920_488, reasons.CREDITED)
    [shown] = re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)
    assert [line.zh for line in explain(judgement, version).steps] == shown.splitlines()


def test_evidence_multiplier_and_rounding_are_the_last_steps(version: Compiled) -> None:
    judgement = run_example(version.document.examples[2], version)
    assert [line.zh for line in explain(judgement, version).steps[-2:]] == [
        "920.488 克 × 证明系数 0.8 = 736.3904 克",
        "舍去不足 1 毫克的部分：736.39 克",
    ]


def test_page_lists_every_shelf_document_with_its_weakest_source() -> None:
    trust = {item.version.code: trust_of(item.version) for item in shelf()}
    rows = [line.split("|") for line in PAGE.splitlines() if re.match(r"\| `[A-Z]{2}[A-Z0-9]*-", line)]
    listed = {code: row[4].strip(" `") for row in rows for code in re.findall(r"`([A-Z0-9-]+)`", row[1])}
    assert listed == trust


def test_the_tables_name_every_reason_and_every_field() -> None:
    codes = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()
    assert {source for source in SOURCES if f"`{source}`" not in PAGE} == set()
