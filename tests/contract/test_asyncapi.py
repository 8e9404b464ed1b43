"""The document of the topics is valid AsyncAPI 3 and matches the records that the services send."""

import ast
import gzip
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from shared import asyncapi
from shared.contracts import topics
from shared.contracts.activities_v1 import Act, ActivityReported
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.contracts.rewards_v1 import OrderConfirmed

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
ID = uuid.UUID(int=7)
SPECIFICATION = json.loads(gzip.decompress((HERE / "asyncapi-3.0.0.schema.json.gz").read_bytes()))


def test_topics_document_is_valid_asyncapi_3() -> None:
    validator = jsonschema_rs.validator_for(SPECIFICATION)
    document = asyncapi.document()
    assert [str(error)[:300] for error in validator.iter_errors(document)] == []
    broken = {**document, "channels": {"x": {"address": 7}}}
    assert not validator.is_valid(broken)


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(value) for value in node.values()))
    return set().union(*(references(value) for value in node)) if isinstance(node, list) else set()


def test_every_reference_in_the_topics_document_resolves() -> None:
    document = asyncapi.document()
    found = references(document)
    assert len(found) > 10
    for reference in found:
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step.replace("~1", "/")]


def test_every_topic_and_its_dead_letter_topic_is_documented() -> None:
    names = set(topics.PARTITIONS)
    assert set(asyncapi.document()["channels"]) == names | {name + topics.DEADLETTER_SUFFIX for name in names}


def test_every_consumer_in_the_code_is_documented() -> None:
    """`worker.consume("…", topics.NAME, …)` in a service's worker is an operation of the document."""
    operations = asyncapi.document()["operations"]
    found = 0
    for path in sorted((ROOT / "services").glob("*/worker.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "worker.consume":
                owner, _, constant = ast.unparse(node.args[1]).rpartition(".")
                if owner == "topics":
                    found += 1
                    assert f"{path.parent.name}.consumes.{getattr(topics, constant)}" in operations
    assert found >= 4


REPORTED = ActivityReported(
    event_key=ID, partner_id="bike", event_id="e-1", receipt_id=ID, index=0, account_key="a" * 32,
    act=Act(kind="trip", started_at=NOW, city_code="420100", distance_m=2360), fingerprint="0" * 64,
    raw_sha256="f" * 64, received_at=NOW, late_window_s=86_400,
)  # fmt: skip
JUDGED = ActivityJudged(
    activity_id=ID, partner_id="bike", event_id="e-1", receipt_id=ID, index=0, status="credited", judged_at=NOW
)
ORDERED = OrderConfirmed(
    event_id=ID, order_id=ID, account_id=ID, item_id="i", quantity=1, amount_mg=5, cost_fen=1, captured_to="redeemed:s",
    confirmed_at=NOW,
)  # fmt: skip


@pytest.mark.parametrize(
    ("record", "field", "wrong"),
    [(REPORTED, "fingerprint", "short"), (JUDGED, "status", "lost"), (ORDERED, "amount_mg", "5")],
)
def test_schema_accepts_sent_records_and_refuses_changed_ones(
    record: msgspec.Struct, field: str, wrong: object
) -> None:
    document = asyncapi.document()
    schema = {"$ref": f"#/components/schemas/{type(record).__name__}", "components": document["components"]}
    validator = jsonschema_rs.validator_for(schema)
    sent = json.loads(msgspec.json.encode(record))
    validator.validate(sent)
    assert not validator.is_valid({**sent, field: wrong})
    assert not validator.is_valid({name: value for name, value in sent.items() if name != field})


def test_d6_every_message_requires_the_attributes_of_cloudevents() -> None:
    document = asyncapi.document()
    for name, channel in document["channels"].items():
        assert channel["messages"], name
    plain = {"ce_id": "1", "ce_source": "/s", "ce_specversion": "1.0", "ce_time": "2026-11-27T08:00:00+08:00"}
    for name, message in document["components"]["messages"].items():
        validator = jsonschema_rs.validator_for({**message["headers"], "components": document["components"]})
        event_type = _const_of(message["headers"])
        whole = {**plain, "ce_type": event_type, "content-type": message["contentType"], "deadletter_reason": "X"}
        assert validator.is_valid(whole), name
        for header in ("ce_id", "ce_source", "ce_specversion", "ce_type", "content-type"):
            assert not validator.is_valid({key: text for key, text in whole.items() if key != header}), (name, header)
        assert not validator.is_valid({**whole, "ce_type": "another"}), name


def _const_of(headers: Any) -> str:
    """The only type that the schema of the headers allows."""
    for part in headers["allOf"]:
        if "allOf" in part:
            return _const_of(part)
        found = part.get("properties", {}).get("ce_type", {}).get("const")
        if found:
            return str(found)
    raise AssertionError(headers)
