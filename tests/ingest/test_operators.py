"""Operators register partners and keys over HTTP. Changes reach every process and are audited."""

import json
import time
from typing import Any

import asyncpg
import httpx
import pytest

from services.ingest.settings import Settings
from shared.auth import cp1
from tests.databases import Dsns
from tests.ingest.conftest import RunApp, Settle
from tests.ingest.operators import PARTNERS, OperatorClient, accepted_by, terms
from tests.ingest.samples import PartnerClient, event, secret_of
from tests.ingest.signing import Signer, pair
from tests.ingest.test_partners import rows
from tests.tokens import TokenFactory


async def test_a_registered_partner_with_an_issued_key_can_report(operators: OperatorClient, settle: Settle) -> None:
    made = await operators.partner("newbike")
    assert made["status"] == "active"
    assert made["events_per_day"] == 1_000_000
    assert made["keys"] == []
    signer = await operators.signer("newbike")
    await settle(accepted_by(signer, "newbike"))
    shown = await operators.call("GET", "/newbike")
    assert [key["app_key"] for key in shown["keys"]] == [signer.app_key]
    assert signer.pair.private not in json.dumps(shown)
    assert "secret" not in json.dumps(shown)
    listed = await operators.call("GET", "?limit=100")
    assert {"newbike", "bike"} <= {item["partner_id"] for item in listed["items"]}
    assert "cpsk_" not in json.dumps(listed)


async def test_registering_a_public_key_makes_no_secret(
    operators: OperatorClient, settle: Settle, ingest_dsns: Dsns
) -> None:
    await operators.partner("edbike")
    own = pair(cp1.ED25519, "edbike")
    made = await operators.key("edbike", cp1.ED25519, public_key=own.registered)
    assert made["secret"] is None
    await settle(accepted_by(Signer(operators.http, made["app_key"], own), "edbike"))
    (shown,) = (await operators.call("GET", "/edbike"))["keys"]
    assert len(shown["public_key_sha256"]) == 64
    found = await rows(
        ingest_dsns, "SELECT secret_sealed, public_key FROM ingest.partner_key WHERE partner_id = 'edbike'"
    )
    assert [(row["secret_sealed"], row["public_key"]) for row in found] == [(None, own.registered)]


@pytest.mark.parametrize(
    "body",
    [
        {"algorithm": "CP1-NONE"},
        {"algorithm": cp1.ED25519},
        {"algorithm": cp1.ED25519, "public_key": "no key"},
        {"algorithm": cp1.HMAC_SHA256, "public_key": "x"},
        {"algorithm": "LEGACY-CUSTOM"},
        {"algorithm": cp1.HMAC_SHA256, "not_before": "2027-01-02T00:00:00Z", "not_after": "2027-01-01T00:00:00Z"},
        {"algorithm": cp1.HMAC_SHA256, "reason": " "},
    ],
)
async def test_unusable_keys_are_refused(operators: OperatorClient, body: dict[str, Any]) -> None:
    answer = await operators.call("POST", "/bike/keys", {"reason": "试试", **body}, expect=422)
    assert answer["code"] == "INVALID_REQUEST"
    assert answer["errors"]


async def test_a_rotation_overlaps_until_the_old_key_ends(operators: OperatorClient, settle: Settle) -> None:
    await operators.partner("rotor")
    first, second = await operators.signer("rotor"), await operators.signer("rotor")
    await settle(accepted_by(second, "rotor"))
    assert await accepted_by(first, "rotor")()
    third = await operators.call("POST", "/rotor/keys", {"algorithm": cp1.HMAC_SHA256, "reason": "多余"}, expect=409)
    assert third["code"] == "TOO_MANY_LIVE_KEYS"
    ended = {"not_after": "2026-01-01T00:00:00Z", "reason": "轮换完成"}
    shown = await operators.call("PUT", f"/rotor/keys/{first.app_key}", ended)
    assert shown["state"] == "expired"
    await settle(accepted_by(first, "rotor", status=401))
    assert await accepted_by(second, "rotor")()
    await operators.signer("rotor", environment="sandbox")  # sandbox keys are counted separately
    await operators.signer("rotor")


async def test_a_revoked_key_stays_revoked(operators: OperatorClient, settle: Settle) -> None:
    await operators.partner("gone")
    signer = await operators.signer("gone")
    await settle(accepted_by(signer, "gone"))
    path = f"/gone/keys/{signer.app_key}"
    assert (await operators.call("POST", f"{path}/revoke", {"reason": "疑似泄露"}))["state"] == "revoked"
    await settle(accepted_by(signer, "gone", status=401))
    for call in (("POST", f"{path}/revoke", {"reason": "再次"}), ("PUT", path, {"reason": "恢复"})):
        assert (await operators.call(*call, expect=409))["code"] == "KEY_ALREADY_REVOKED"
    other = await operators.call("POST", "/bike/keys/nobodys/revoke", {"reason": "没有"}, expect=404)
    assert other["code"] == "PARTNER_KEY_NOT_FOUND"


async def test_revocation_reaches_all_processes_at_once(
    seeded: Settings, run_app: RunApp, operators: OperatorClient, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polling is made too slow to explain the result, so it must be the notification."""
    monkeypatch.setattr("services.ingest.partners.registry.REFRESH_EVERY_S", 60.0)
    await operators.partner("twin")
    async with run_app(seeded) as one, run_app(seeded) as other:
        signer = await operators.signer("twin")
        everywhere = [Signer(http, signer.app_key, signer.pair) for http in (one, other, operators.http)]
        for each in everywhere:
            await settle(accepted_by(each, "twin"))
        revoke = f"/twin/keys/{signer.app_key}/revoke"
        await OperatorClient(one, operators.headers, operators.second).call("POST", revoke, {"reason": "演练"})
        started = time.monotonic()
        for each in everywhere:
            await settle(accepted_by(each, "twin", status=401))
        assert time.monotonic() - started < 1.0


async def test_without_notifications_polling_finds_a_revocation(
    seeded: Settings, run_app: RunApp, operators: OperatorClient, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.partners.change_repository.CHANNEL", "nobody_speaks_here")
    await operators.partner("deaf")
    async with run_app(seeded) as deaf:
        signer = await operators.signer("deaf")
        await settle(accepted_by(Signer(deaf, signer.app_key, signer.pair), "deaf"))


async def test_a_suspended_partner_can_neither_report_nor_read(operators: OperatorClient, settle: Settle) -> None:
    await operators.partner("paused")
    signer = await operators.signer("paused")
    await settle(accepted_by(signer, "paused"))
    assert (await operators.call("POST", "/paused/suspend", {"reason": "数据异常"}))["status"] == "suspended"
    await settle(accepted_by(signer, "paused", status=403))
    refused = await signer.post(b"[]")
    assert refused.json()["code"] == "PARTNER_SUSPENDED"
    stranger = await signer.post(b"[]", private="another-secret-of-nobody")
    assert stranger.json()["code"] == "SIGNATURE_INVALID"  # without the key nobody learns of the suspension
    await operators.call_together("POST", "/paused/resume", {"reason": "已核实"})
    await settle(accepted_by(signer, "paused"))


async def test_the_sandbox_key_of_a_live_partner_has_no_access_to_live_data(
    operators: OperatorClient, settle: Settle, published: Any
) -> None:
    await operators.partner("both")
    signer = await operators.signer("both", environment="sandbox")
    await settle(accepted_by(signer, "both"))
    answer = await signer.post(json.dumps([event("s-1", partner="both")]).encode())
    assert answer.json()["environment"] == "sandbox"
    assert await published.new_records() == []
    client = PartnerClient(signer.http, signer.app_key)
    for path in ("/api/v1/ingest/webhook", "/api/v1/ingest/deliveries"):
        asked = await client.get(path, secret=signer.pair.private)
        assert (asked.status_code, asked.json()["code"]) == (403, "SANDBOX_KEY_NOT_ALLOWED")
    sandboxed = await operators.call(
        "POST", "/box/keys", {"algorithm": cp1.HMAC_SHA256, "environment": "live", "reason": "不行"}, expect=409
    )
    assert sandboxed["code"] == "SANDBOX_ONLY"


async def test_requests_from_outside_the_address_list_are_refused(operators: OperatorClient, settle: Settle) -> None:
    await operators.partner("fenced", allowed_networks=["203.0.113.0/24", "2001:db8::/32"])
    signer = await operators.signer("fenced")
    body = json.dumps([event("a-1", partner="fenced")]).encode()

    async def status_from(address: str) -> int:
        return (await signer.post(body, headers={"X-Envoy-External-Address": address})).status_code

    async def inside() -> bool:
        return await status_from("203.0.113.7") == 202

    await settle(inside)
    assert await status_from("2001:db8::1") == 202
    assert await status_from("::ffff:203.0.113.9") == 202
    for outside in ("198.51.100.1", "203.0.114.1", "nonsense"):
        assert await status_from(outside) == 403
    assert (await signer.post(body)).json()["code"] == "ADDRESS_NOT_ALLOWED"


async def test_changed_terms_replace_all_terms_and_invalid_ones_are_refused(operators: OperatorClient) -> None:
    await operators.partner("changing")
    assert (await operators.call("POST", "", terms("changing"), expect=409))["code"] == "PARTNER_EXISTS"
    body = terms("changing", cities=[], events_per_day=None, reason="全市开放")
    del body["partner_id"]
    await operators.call_together("PUT", "/changing", body)
    changed = await operators.call("GET", "/changing")
    assert (changed["cities"], changed["events_per_day"]) == ([], None)
    taken = await operators.call("PUT", "/changing", {**body, "source": "//bike.example"}, expect=409)
    assert taken["code"] == "SOURCE_TAKEN"
    assert (await operators.call("PUT", "/nobody", body, expect=404))["code"] == "PARTNER_NOT_FOUND"
    for wrong in (
        {"events_burst": 499},
        {"allowed_networks": ["10.0.0.1/8"]},
        {"event_types": ["trip.invented"]},
        {"x": 1},
    ):
        assert (await operators.call("PUT", "/changing", {**body, **wrong}, expect=422))["code"] == "INVALID_REQUEST"


async def test_every_change_is_in_the_audit_log(operators: OperatorClient, ingest_dsns: Dsns) -> None:
    await operators.partner("audited", phone_pepper="pepper-of-sixteen-or-more")
    signer = await operators.signer("audited")
    await operators.call("POST", "/audited/suspend", {"reason": "例行检查"})
    await operators.call("POST", f"/audited/keys/{signer.app_key}/revoke", {"reason": "到期更换"})
    answer = await operators.http.get(
        "/api/v1/ingest/ops/audit", params={"object": "partner/audited"}, headers=operators.headers
    )
    entries = answer.json()["items"]
    assert [entry["action"] for entry in entries] == [
        "key.revoke", "partner.suspend", "key.issue", "key.issue.propose", "partner.create", "partner.create.propose",
    ]  # fmt: skip
    assert [entry["subject"] for entry in entries[2:4]] == ["operator-2", "operator-1"]
    revoked = entries[0]
    assert (revoked["subject"], revoked["reason"]) == ("operator-1", "到期更换")
    assert revoked["before"]["revoked_at"] is None
    assert revoked["after"]["revoked_at"] is not None
    for secret in (signer.pair.private, "pepper-of-sixteen", secret_of("ak-bike")):
        assert secret not in answer.text
    connection = await asyncpg.connect(ingest_dsns.app("ingest"))
    try:
        for statement in ("DELETE FROM ingest.audit_log", "UPDATE ingest.audit_log SET reason = ''"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()


async def test_operator_routes_need_their_scopes(api: httpx.AsyncClient, tokens: TokenFactory) -> None:
    reader = tokens.operator("ops:read")
    assert (await api.get(PARTNERS, headers=reader)).status_code == 200
    for headers, status in ((reader, 403), ({}, 401), (tokens.operator("ops:ledger"), 403)):
        answer = await api.post(PARTNERS, json=terms("nope"), headers=headers)
        assert answer.status_code == status
    assert (await api.get(PARTNERS, headers=tokens.operator("ops:ledger"))).status_code == 403
