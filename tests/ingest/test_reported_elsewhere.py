"""Faults of other API platforms, from public reports: keys that reach further than two people allowed."""

import json
from typing import Any

import pytest

from shared.auth import cp1
from tests.databases import Dsns
from tests.ingest.conftest import Settle
from tests.ingest.operators import OperatorClient, accepted_by, terms
from tests.ingest.samples import event, secret_of
from tests.ingest.signing import Pair, Signer
from tests.ingest.test_partners import rows


async def test_b3_a_sandbox_key_reaches_no_live_route_of_its_partner(
    operators: OperatorClient, settle: Settle, published: Any, ingest_dsns: Dsns
) -> None:
    """wso2/api-manager#3952, bcgov/entity#5444: a sandbox key invokes the production endpoint."""
    await operators.partner("two-keys")
    live, sandbox = await operators.signer("two-keys"), await operators.signer("two-keys", environment="sandbox")
    await settle(accepted_by(live, "two-keys"))
    await settle(accepted_by(sandbox, "two-keys"))
    await published.new_records()
    stored = "SELECT count(*) FROM ingest.reported_event WHERE partner_id = 'two-keys'"
    before = (await rows(ingest_dsns, stored))[0]["count"]
    body = json.dumps([event("sb-1", partner="two-keys"), event("sb-2", partner="two-keys")]).encode()
    for headers in ({}, {"X-Environment": "live"}, {"environment": "live"}):
        answer = await sandbox.post(body, headers=headers)
        assert (answer.status_code, answer.json()["environment"]) == (202, "sandbox")
    # The signature of one environment is none of the other: neither key id nor secret can be swapped.
    swapped = Signer(sandbox.http, live.app_key, sandbox.pair)
    assert (await swapped.post(body)).json()["code"] == "SIGNATURE_INVALID"
    assert await published.new_records() == []
    assert (await rows(ingest_dsns, stored))[0]["count"] == before


@pytest.mark.parametrize("asked", [{}, {"environment": "sandbox"}])
async def test_b3_a_key_whose_environment_is_not_named_is_never_live_by_one_person(
    operators: OperatorClient, ingest_dsns: Dsns, asked: dict[str, str]
) -> None:
    """wso2/api-manager#1356: a generated key is of the kind production unless one says otherwise."""
    name = f"default-{len(asked)}"
    await operators.call("POST", "", terms(f"{name}-box", environment="sandbox"), expect=201)
    made = await operators.call(
        "POST", f"/{name}-box/keys", {"algorithm": cp1.HMAC_SHA256, "reason": "沙箱", **asked}, expect=201
    )
    assert made["environment"] == "sandbox"
    await operators.partner(name)
    body = {"algorithm": cp1.HMAC_SHA256, "reason": "首个", **asked}
    answer = await operators.send("POST", f"/{name}/keys", body)
    assert answer.status_code == (201 if asked else 202)
    live = await rows(
        ingest_dsns,
        f"SELECT count(*) FROM ingest.partner_key WHERE environment = 'live' AND partner_id LIKE '{name}%'",
    )
    assert live[0]["count"] == 0
    if answer.status_code == 202:  # its secret would wait beyond this test
        assert (await operators.decide("reject", answer.json())).status_code == 200


async def test_b3_a_key_approved_while_its_partner_is_suspended_reports_nothing(
    operators: OperatorClient, settle: Settle
) -> None:
    """mcp-hangar/mcp-hangar#673, openclaw/openclaw#103515: an approval outlives the state that it was given for."""
    await operators.partner("halted-key")
    issued = await operators.call(
        "POST", "/halted-key/keys", {"algorithm": cp1.HMAC_SHA256, "reason": "首个"}, expect=202
    )
    await operators.call("POST", "/halted-key/suspend", {"reason": "疑似造假"}, expect=200)
    assert (await operators.decide("approve", issued)).status_code == 200
    signer = Signer(operators.http, issued["app_key"], Pair(cp1.HMAC_SHA256, issued["secret"], ""))
    await settle(accepted_by(signer, "halted-key", status=403))
    resumed = await operators.call("POST", "/halted-key/resume", {"reason": "已核实"}, expect=202)
    assert (await operators.decide("approve", resumed, headers=operators.headers)).status_code == 409
    assert (await signer.post(b"[]")).json()["code"] == "PARTNER_SUSPENDED"


async def test_b3_a_secret_is_shown_once_and_to_one_person(operators: OperatorClient, ingest_dsns: Dsns) -> None:
    """bcgov/entity#33504, IBM/mcp-context-forge#2598: a key is displayed once, and stored nowhere in the clear."""
    await operators.partner("once")
    issued = await operators.call("POST", "/once/keys", {"algorithm": cp1.HMAC_SHA256, "reason": "首个"}, expect=202)
    approved = await operators.decide("approve", issued)
    seen = [approved.text]
    for path in ("", "/once"):
        for headers in (operators.headers, operators.second):
            answer = await operators.http.get(f"/api/v1/ingest/ops/partners{path}", headers=headers)
            seen.append(answer.text)
    for table in ("partner_key", "proposed_secret", "approval", "audit_log", "outbox", "idempotency_key"):
        seen += [str(row[0]) for row in await rows(ingest_dsns, f"SELECT t::text FROM ingest.{table} t")]
    assert all(issued["secret"] not in text for text in seen)
    assert issued["secret"] != secret_of(issued["app_key"])
