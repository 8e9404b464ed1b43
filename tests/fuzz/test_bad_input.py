"""A short sample of bad input, and the rules of `make fuzz`, which runs against the whole stack."""

import random

import pytest
from pydantic import BaseModel

from services.accounting.methodologies.document import parse_methodology
from services.accounting.what_if.schemas import Run
from services.ingest.imports.schemas import Import
from shared.errors import AppError
from tests.fuzz import documents
from tests.fuzz.findings import Findings
from tests.fuzz.raw import LITERALS, Route, bodies
from tests.fuzz.records import hostile_values

GOOD = (documents.GOOD / "methodology.yaml").read_text(encoding="utf-8")
DOCUMENTS = 40


def test_hostile_methodologies_get_a_client_error() -> None:
    """Every hostile document and some mutations, through the parser of the routes."""
    chance = random.Random(3)
    tried = [*documents.hostile_documents(GOOD), *documents.mutated_documents(GOOD, chance, DOCUMENTS)]
    refused: dict[str, int] = {}
    for what, text in tried:
        try:
            parse_methodology(text[: documents.BYTES_MAX])
        except AppError as error:
            refused[what] = error.status
    assert len(refused) > 20
    assert {what: status for what, status in refused.items() if status >= 500} == {}


@pytest.mark.parametrize(
    ("status", "headers", "wrong"),
    [
        (200, {}, False),
        (404, {"content-type": "application/problem+json"}, False),
        (503, {"content-type": "application/problem+json", "retry-after": "1"}, False),
        (503, {"content-type": "application/problem+json"}, True),
        (500, {"content-type": "application/problem+json", "retry-after": "1"}, True),
        (404, {"content-type": "text/plain"}, True),
    ],
)
def test_error_without_problem_document_or_retry_after_is_a_failure(
    status: int, headers: dict[str, str], wrong: bool
) -> None:
    findings = Findings()
    findings.check_answer("family", "what", status, headers, b"")
    assert (findings.failed, findings.cases["family"]) == (int(wrong), 1)


def test_hand_list_covers_every_property_and_a_seed_repeats_the_records() -> None:
    route = Route("POST", "/x", "application/json", {"one": 1, "two": "2"})
    names = [what for what, _ in bodies(route)]
    assert len([name for name in names if name.startswith(("one=", "two="))]) == 2 * len(LITERALS)
    good = b'{"a": {"b": 1}, "c": "d"}'
    first, again, other = ([*hostile_values(good, random.Random(seed), 60)] for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 60


@pytest.mark.parametrize("model", [Import, Run])
def test_response_schema_uses_the_field_names_of_the_answer(model: type[BaseModel]) -> None:
    documented, answered = (
        model.model_json_schema(mode=mode)["properties"] for mode in ("validation", "serialization")
    )
    assert set(documented) == set(answered)
