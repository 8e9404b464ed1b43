"""The four OpenAPI documents: what a generated client relies on."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from deploy.clients.api.documents import documents
from deploy.gateway.replies import REPLIES
from services.accounting.judging import reasons
from shared.contracts.outcomes_v1 import REASON_CODES
from shared.openapi.problems import GATEWAY, GATEWAY_BODY
from shared.problems import MEDIA_TYPE

PAGE = {"items", "next_cursor", "has_more"}
# Nobody has a token before.
OPERATORS_LOG_IN = {f"POST /api/v1/accounts/ops/{path}" for path in ("log-ins", "sessions", "sessions/refresh")}
# Names of fields that always hold one of a closed set. The state of a log-in is another word for a nonce.
NONCES = {"LogInStartedOut", "OauthBindingIn", "ProviderLogIn"}
CLOSED = {"status", "state", "kind", "mode", "reason_code", "environment"}


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    return documents()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def every_operation(found: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for document in found.values():
        for name, operation in operations(document):
            yield name, operation, document


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def answers(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for status, answer in operation["responses"].items():
        yield status, resolved(document, answer)


def codes_of(document: dict[str, Any], operation: dict[str, Any], status: str) -> list[str]:
    answer = resolved(document, operation["responses"][status])
    codes: list[str] = answer["content"][MEDIA_TYPE]["schema"]["allOf"][1]["properties"]["code"]["enum"]
    return codes


def validator(document: dict[str, Any], schema: dict[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({**schema, "components": document["components"]}, validate_formats=True)


def headers_of(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, bool]:
    parameters = [resolved(document, one) for one in operation["parameters"]]
    return {one["name"]: one["required"] for one in parameters if one["in"] == "header"}


def test_c2_every_operation_declares_its_headers(found: dict[str, dict[str, Any]]) -> None:
    for name, operation, document in every_operation(found):
        assert {"Accept-Language", "X-Request-Id"} <= set(headers_of(document, operation)), name
        for status, answer in answers(document, operation):
            assert "X-Request-Id" in answer["headers"], (name, status)
            if status in {"429", "503"}:
                assert "Retry-After" in answer["headers"], (name, status)


def test_c2_writes_that_move_grams_require_an_idempotency_key(found: dict[str, dict[str, Any]]) -> None:
    needed = {
        name: headers_of(document, operation).get("Idempotency-Key")
        for name, operation, document in every_operation(found)
    }
    for path in ("orders", "campaigns/{campaign_id}/donations"):
        assert needed[f"POST /api/v1/rewards/{path}"] is True
    assert needed["POST /api/v1/accounting/me/claims"] is False  # the body's client_request_id will do
    for name, operation, document in every_operation(found):
        if needed[name]:
            assert "IDEMPOTENCY_KEY_MISSING" in codes_of(document, operation, "400"), name
            replayed = [a for status, a in answers(document, operation) if status.startswith("2")]
            assert all("Idempotent-Replayed" in answer["headers"] for answer in replayed), name


def test_c2_answers_to_a_signature_declare_rate_limit_headers(found: dict[str, dict[str, Any]]) -> None:
    for name, operation in operations(found["ingest"]):
        if {"cp1": []} in operation["security"]:
            for status, answer in answers(found["ingest"], operation):
                assert {"RateLimit", "RateLimit-Policy"} <= set(answer["headers"]), (name, status)


def test_c3_every_error_answer_refers_to_the_one_problem_component(found: dict[str, dict[str, Any]]) -> None:
    for name, operation, document in every_operation(found):
        assert not {"4XX", "5XX", "default"} & set(operation["responses"]), name
        errors = [one for one in answers(document, operation) if one[0] >= "400"]
        assert {"401", "429", "500", "503", "504"} <= {status for status, _ in errors}, name
        for status, answer in errors:
            reference, own = answer["content"][MEDIA_TYPE]["schema"]["allOf"]
            assert reference == {"$ref": "#/components/schemas/Problem"}, (name, status)
            assert own["properties"]["status"] == {"const": int(status)}
            assert own["properties"]["code"]["enum"], (name, status)


def test_c3_an_order_lists_each_refusal(found: dict[str, dict[str, Any]]) -> None:
    document = found["rewards"]
    order = document["paths"]["/api/v1/rewards/orders"]["post"]
    assert {"INSUFFICIENT_BALANCE", "SOLD_OUT", "LIMIT_REACHED", "BUDGET_EXHAUSTED", "SALE_CLOSED"} <= set(
        codes_of(document, order, "409")
    )
    assert "SESSION_ENDED" in codes_of(document, order, "401")
    pages = document["paths"]["/api/v1/rewards/items"]["get"]
    assert set(codes_of(document, pages, "422")) == {"INVALID_REQUEST"}
    assert "409" not in pages["responses"]


def test_c3_a_single_event_lists_the_codes_of_its_rejection(found: dict[str, dict[str, Any]]) -> None:
    document = found["ingest"]
    codes = codes_of(document, document["paths"]["/api/v1/ingest/events"]["post"], "422")
    assert {"INVALID_TYPE", "SOURCE_MISMATCH", "MISSING_FIELD"} <= set(codes)


def test_c3_the_gateways_codes_are_those_it_answers() -> None:
    replies = {(one.status or one.first, one.code): one.retry_after_s is not None for one in REPLIES}
    for refusal in (*GATEWAY, *GATEWAY_BODY):
        assert replies[refusal.status, refusal.code] == refusal.retryable, refusal


def test_c3_operation_ids_are_unique_over_all_services(found: dict[str, dict[str, Any]]) -> None:
    counts = Counter(operation["operationId"] for _, operation, _ in every_operation(found))
    assert [name for name, count in counts.items() if count > 1] == []


def test_c3_schema_names_hold_no_module_names(found: dict[str, dict[str, Any]]) -> None:
    names = [name for document in found.values() for name in document["components"]["schemas"]]
    assert [name for name in names if not name.isalnum()] == []


def test_c3_every_page_has_its_cursor(found: dict[str, dict[str, Any]]) -> None:
    for document in found.values():
        for name, schema in document["components"]["schemas"].items():
            if set(schema.get("properties", {})) >= PAGE:
                assert set(schema["required"]) >= PAGE, name
                if name == "OutcomeFeed":  # has no end: its cursor is always there
                    continue
                assert {"type": "null"} in schema["properties"]["next_cursor"].get("anyOf", []), name


def is_closed(schema: dict[str, Any]) -> bool:
    options = schema.get("anyOf", [schema])
    return all("enum" in one or "const" in one or "$ref" in one or one.get("type") == "null" for one in options)


def test_c3_closed_sets_are_enums(found: dict[str, dict[str, Any]]) -> None:
    open_ones = [
        f"{service}: {name}.{field}"
        for service, document in found.items()
        for name, schema in document["components"]["schemas"].items()
        for field, kind in schema.get("properties", {}).items()
        if name not in NONCES
        if field in CLOSED and not is_closed(kind) and kind.get("type") != "integer"
    ]
    assert open_ones == []


def test_c3_the_reason_codes_of_the_contract_are_those_of_the_judgement() -> None:
    own = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert set(REASON_CODES) == own


def test_c3_every_operation_says_who_may_call_it(found: dict[str, dict[str, Any]]) -> None:
    for name, operation, document in every_operation(found):
        path = name.partition(" ")[2]
        schemes = {scheme: scopes for one in operation["security"] for scheme, scopes in one.items()}
        assert set(schemes) <= set(document["components"]["securitySchemes"]), name
        if "/ops/" in path and name not in OPERATORS_LOG_IN:
            assert schemes.keys() == {"operator"}, name
            assert all(scope.startswith("ops:") for scope in schemes["operator"]), name
            assert schemes["operator"], name
        if "/me/" in f"{path}/":
            assert schemes.keys() == {"citizen"}, name
    signed = {name for name, operation, _ in every_operation(found) if {"cp1": []} in operation["security"]}
    assert {"POST /api/v1/ingest/events", "POST /api/v1/accounts/partner/bindings"} <= signed


def test_c3_every_body_has_an_example_that_fits_its_schema(found: dict[str, dict[str, Any]]) -> None:
    wrong: list[str] = []
    for name, operation, document in every_operation(found):
        bodies = {"request": operation.get("requestBody", {}), **dict(answers(document, operation))}
        for which, body in bodies.items():
            for media_type, media in body.get("content", {}).items():
                where = f"{name} {which} {media_type}"
                if "example" not in media:
                    wrong.append(f"{where}: no example")
                elif "schema" in media:
                    faults = validator(document, media["schema"]).iter_errors(media["example"])
                    wrong += [f"{where}: {list(fault.instance_path)} {fault.message[:200]}" for fault in faults]
    assert wrong == []


def test_c3_and_b19_nothing_internal_is_described(found: dict[str, dict[str, Any]]) -> None:
    for service, document in found.items():
        assert not [path for path in document["paths"] if not path.startswith(f"/api/v1/{service}/")]
        assert "/internal/" not in str(document)
