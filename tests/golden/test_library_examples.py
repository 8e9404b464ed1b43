"""Every worked example of every shipped methodology, published or on the shelf."""

import pytest

from services.accounting.judging import reasons
from services.accounting.judging.examples import failed_examples, run_example
from services.accounting.methodologies.compiled import Compiled, compile_methodology
from services.accounting.methodologies.document import Example, parse_methodology
from services.accounting.methodologies.library import library_factors, methodology_texts, shelf_texts
from services.accounting.methodologies.matching import MethodologyIndex

FACTORS = library_factors()
VERSIONS = [compile_methodology(*_) for _ in ((parse_methodology(text)[0], FACTORS) for text in methodology_texts())]
SHELF = [compile_methodology(*_) for _ in ((parse_methodology(text)[0], FACTORS) for text in shelf_texts())]
EXAMPLES = [
    pytest.param(version, example, id=f"{version.label}: {example.title.en}")
    for version in (*VERSIONS, *SHELF)
    for example in version.document.examples
]


@pytest.mark.parametrize(("version", "example"), EXAMPLES)
def test_library_example_gives_its_amount_and_reason(version: Compiled, example: Example) -> None:
    got = run_example(example, version)
    assert (got.amount_mg, got.reason_code) == (example.expect_mg, example.expect_reason or reasons.CREDITED)
    assert (got.status == "credited") == (example.expect_mg > 0)


def test_publication_check_finds_no_failing_library_example() -> None:
    assert [failed_examples(version) for version in (*VERSIONS, *SHELF)] == [[]] * len(VERSIONS + SHELF)


def test_library_has_one_version_per_scene() -> None:
    index = MethodologyIndex(VERSIONS)
    assert sorted((version.code, version.document.scene) for version in index) == [
        ("WH-APP-BAG", "own_bag"),
        ("WH-APP-BIKE", "bike"),
        ("WH-APP-BUS", "bus"),
        ("WH-APP-EV", "ev_ride"),
        ("WH-APP-METRO", "metro"),
        ("WH-APP-POWER", "power_saving"),
        ("WH-APP-RECYCLE", "recycling"),
    ]


def test_published_app_values_earn_grams_but_are_never_issued_as_tonnes() -> None:
    for version in VERSIONS:
        assert version.document.source_status == "published_app_value"
        assert not version.document.issuable
        assert version.document.region == "420100"
        assert version.document.effective_from.isoformat() == "2023-06-01"
