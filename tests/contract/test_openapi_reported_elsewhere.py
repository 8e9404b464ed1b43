"""Faults of other projects' documents and of generated clients, looked for in ours."""

import json
import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from deploy.clients.api import documents
from tests.contract.test_openapi import every_operation, resolved


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    return documents.documents()


def test_c2_no_header_is_declared_twice(found: dict[str, dict[str, Any]]) -> None:
    """fastapi 416: a dependency that is used twice declared its header twice."""
    for name, operation, document in every_operation(found):
        parameters = [resolved(document, one) for one in operation["parameters"]]
        assert [one for one, n in Counter((p["in"], p["name"].lower()) for p in parameters).items() if n > 1] == [], (
            name
        )


def test_c2_no_declared_header_is_one_that_clients_may_not_set(found: dict[str, dict[str, Any]]) -> None:
    """openapi-python-client 117: generators ignore or refuse parameters called Accept, Content-Type, Authorization."""
    for name, operation, document in every_operation(found):
        parameters = [resolved(document, one) for one in operation["parameters"]]
        headers = {one["name"].lower() for one in parameters if one["in"] == "header"}
        assert not headers & {"accept", "content-type", "authorization"}, name


def test_c2_retry_after_is_a_number_of_seconds(found: dict[str, dict[str, Any]]) -> None:
    """fern 2454: headers without a type end as text, and clients wait for NaN milliseconds."""
    for document in found.values():
        assert document["components"]["headers"]["RetryAfter"]["schema"]["type"] == "integer"


def test_c3_nulls_of_examples_are_kept(found: dict[str, dict[str, Any]]) -> None:
    """fastapi 5559: nulls vanished from examples, so that they no longer fitted their schemas."""
    order = found["rewards"]["paths"]["/api/v1/rewards/orders"]["post"]["responses"]["201"]
    assert order["content"]["application/json"]["example"]["reason_code"] is None


def test_c3_the_document_does_not_depend_on_the_order_of_imports(found: dict[str, dict[str, Any]]) -> None:
    """fastapi 14797: two models of one name were named in an order that changed from run to run."""
    done = subprocess.run(
        [sys.executable, "-c", "from deploy.clients.api import documents as d; print(d.digest_of(d.documents()))"],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == documents.digest_of(found)


def test_c3_the_frameworks_own_error_body_is_nowhere(found: dict[str, dict[str, Any]]) -> None:
    """fastapi 305 and 3650: documents promise HTTPValidationError where another body is answered."""
    assert "HTTPValidationError" not in json.dumps(found)


def test_c3_no_model_is_called_input_or_output(found: dict[str, dict[str, Any]]) -> None:
    """openapi-python-client 1340: Model-Input and Model-Output broke clients."""
    names = [name for document in found.values() for name in document["components"]["schemas"]]
    assert [name for name in names if name.endswith(("-Input", "-Output"))] == []


def test_c3_every_field_of_an_answer_is_required(found: dict[str, dict[str, Any]]) -> None:
    """openapi-typescript 1570: answers whose fields are all optional in the generated types."""
    for name in ("OrderView", "ItemView", "DonationView", "OrderViewPage"):
        schema = found["rewards"]["components"]["schemas"][name]
        assert set(schema["required"]) == set(schema["properties"]), name
