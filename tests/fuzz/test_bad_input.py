"""A short sample of bad input, and the rules of `make fuzz`, which runs against the whole stack."""

import random

import pytest
from pydantic import BaseModel

from deploy.clients.api.documents import documents as openapi_documents
from services.accounting.methodologies.document import parse_methodology
from services.accounting.what_if.schemas import Run
from services.ingest.imports.schemas import Import
from shared.errors import AppError
from shared.json_keys import repeated_key
from tests.fuzz import documents
from tests.fuzz.findings import Findings
from tests.fuzz.queries import LONG, REPEATS, GetRoute, get_routes, queries
from tests.fuzz.raw import LITERALS, Route, bodies
from tests.fuzz.records import hostile_values
from tests.fuzz.wire import PLACEHOLDER, with_placeholders

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


def test_whole_queries_have_every_parameter_and_a_seed_repeats_them() -> None:
    route = GetRoute("/x", {"limit": ("1", "100"), "cursor": ("a",)})
    first, again, other = ([*queries(route, random.Random(seed))] for seed in (1, 1, 2))
    assert first == again != other
    assert len([query for query in first if "limit=" in query and "cursor=" in query]) > 2 * 12
    assert any(query.count("limit=") >= REPEATS for query in first)
    assert any(len(query) >= LONG for query in first)


def test_placeholders_keep_the_rest_of_their_part() -> None:
    assert with_placeholders("/a/{one}:disable/{two}") == f"/a/{PLACEHOLDER}:disable/{PLACEHOLDER}"


def test_every_repeated_key_of_the_hand_list_is_one() -> None:
    found = dict(bodies(Route("POST", "/x", "application/json", {"one": 1, "two": "2"})))
    repeated = {what: repeated_key(body) for what, body in found.items() if what.endswith("duplicate keys")}
    assert len(repeated) == 8
    assert None not in repeated.values()


@pytest.mark.parametrize("model", [Import, Run])
def test_response_schema_uses_the_field_names_of_the_answer(model: type[BaseModel]) -> None:
    documented, answered = (
        model.model_json_schema(mode=mode)["properties"] for mode in ("validation", "serialization")
    )
    assert set(documented) == set(answered)


def test_queries_know_every_get_route_of_the_documents() -> None:
    """Also those whose parameters are shared components of a document."""
    found = openapi_documents()
    routes = {route.path: route.parameters for route in get_routes(found)}
    assert len(routes) == sum("get" in operations for one in found.values() for operations in one["paths"].values())
    assert set(routes["/api/v1/rewards/me/orders"]) >= {"cursor", "limit", "status"}
