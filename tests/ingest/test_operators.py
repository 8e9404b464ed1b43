"""Operators register partners and keys over HTTP; what they change holds in every process and is written down."""

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
from tests.ingest.samples import PartnerClient, event, secret_of
from tests.ingest.signing import Pair, Signer, pair
from tests.ingest.test_partners import rows
from tests.tokens import TokenFactory

PARTNERS = "/api/v1/ingest/ops/partners"


def terms(partner_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "partner_id": partner_id,
        "name": "江城单车",
        "name_en": "River City Bikes",
        "source": f"//{partner_id}.example",
        "scenes": ["bike"],
        "event_types": ["trip.completed"],
        "cities": ["420100"],
        "reason": "新合作方",
        **changes,
    }


class Office:
    """An operator's hands."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.http, self.headers = http, headers

    async def call(self, method: str, path: str, body: Any = None, expect: int | None = None) -> Any:
        answer = await self.http.request(method, PARTNERS + path, json=body, headers=self.headers)
        if expect is None:
            assert answer.is_success, answer.text
        else:
            assert answer.status_code == expect, answer.text
        return answer.json()

    async def partner(self, partner_id: str, **changes: Any) -> Any:
        return await self.call("POST", "", terms(partner_id, **changes))

    async def key(self, partner_id: str, algorithm: str = cp1.HMAC_SHA256, **more: Any) -> Any:
        body = {"algorithm": algorithm, "reason": "首个密钥", **more}
        return await self.call("POST", f"/{partner_id}/keys", body)

    async def signer(self, partner_id: str, **more: Any) -> Signer:
        made = await self.key(partner_id, **more)
        return Signer(self.http, made["app_key"], Pair(cp1.HMAC_SHA256, made["secret"], ""))


@pytest.fixture
def office(api: httpx.AsyncClient, tokens: TokenFactory) -> Office:
    return Office(api, tokens.operator())


def accepted_by(signer: Signer, partner_id: str, status: int = 202) -> Any:
    """A condition: the answer to one event."""
    body = json.dumps([event("o-1", partner=partner_id)]).encode()

    async def condition() -> bool:
        return (await signer.post(body)).status_code == status

    return condition


async def test_from_registration_to_the_first_event(office: Office, settle: Settle) -> None:
    made = await office.partner("newbike")
    assert made["status"] == "active"
    assert made["events_per_day"] == 1_000_000
    assert made["keys"] == []
    signer = await office.signer("newbike")
    await settle(accepted_by(signer, "newbike"))
    shown = await office.call("GET", "/newbike")
    assert [key["app_key"] for key in shown["keys"]] == [signer.app_key]
    assert signer.pair.private not in json.dumps(shown)
    assert "secret" not in json.dumps(shown)
    listed = await office.call("GET", "?limit=100")
    assert {"newbike", "bike"} <= {item["partner_id"] for item in listed["items"]}
    assert "cpsk_" not in json.dumps(listed)


async def test_a_public_key_is_registered_and_no_secret_made(office: Office, settle: Settle, ingest_dsns: Dsns) -> None:
    await office.partner("edbike")
    own = pair(cp1.ED25519, "edbike")
    made = await office.key("edbike", cp1.ED25519, public_key=own.registered)
    assert made["secret"] is None
    assert len(made["public_key_sha256"]) == 64
    await settle(accepted_by(Signer(office.http, made["app_key"], own), "edbike"))
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
async def test_keys_that_could_not_work_are_refused(office: Office, body: dict[str, Any]) -> None:
    answer = await office.call("POST", "/bike/keys", {"reason": "试试", **body}, expect=422)
    assert answer["code"] == "INVALID_REQUEST"
    assert answer["errors"]


async def test_rotation_overlaps_and_ends_the_old_key(office: Office, settle: Settle) -> None:
    await office.partner("rotor")
    first, second = await office.signer("rotor"), await office.signer("rotor")
    await settle(accepted_by(second, "rotor"))
    assert await accepted_by(first, "rotor")()
    third = await office.call("POST", "/rotor/keys", {"algorithm": cp1.HMAC_SHA256, "reason": "多余"}, expect=409)
    assert third["code"] == "TOO_MANY_LIVE_KEYS"
    ended = {"not_after": "2026-01-01T00:00:00Z", "reason": "轮换完成"}
    shown = await office.call("PUT", f"/rotor/keys/{first.app_key}", ended)
    assert shown["state"] == "expired"
    await settle(accepted_by(first, "rotor", status=401))
    assert await accepted_by(second, "rotor")()
    await office.signer("rotor", environment="sandbox")  # counted apart
    await office.signer("rotor")


async def test_a_revoked_key_stays_revoked(office: Office, settle: Settle) -> None:
    await office.partner("gone")
    signer = await office.signer("gone")
    await settle(accepted_by(signer, "gone"))
    path = f"/gone/keys/{signer.app_key}"
    assert (await office.call("POST", f"{path}/revoke", {"reason": "疑似泄露"}))["state"] == "revoked"
    await settle(accepted_by(signer, "gone", status=401))
    for call in (("POST", f"{path}/revoke", {"reason": "再次"}), ("PUT", path, {"reason": "恢复"})):
        assert (await office.call(*call, expect=409))["code"] == "KEY_ALREADY_REVOKED"
    other = await office.call("POST", "/bike/keys/nobodys/revoke", {"reason": "没有"}, expect=404)
    assert other["code"] == "PARTNER_KEY_NOT_FOUND"


async def test_revocation_reaches_all_processes_at_once(
    seeded: Settings, run_app: RunApp, office: Office, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The polling of every process is made too slow to be what carries the news."""
    monkeypatch.setattr("services.ingest.partners.registry.REFRESH_EVERY_S", 60.0)
    await office.partner("twin")
    async with run_app(seeded) as one, run_app(seeded) as other:
        signer = await office.signer("twin")
        everywhere = [Signer(http, signer.app_key, signer.pair) for http in (one, other, office.http)]
        for each in everywhere:
            await settle(accepted_by(each, "twin"))
        revoke = f"/twin/keys/{signer.app_key}/revoke"
        await Office(one, office.headers).call("POST", revoke, {"reason": "演练"})
        started = time.monotonic()
        for each in everywhere:
            await settle(accepted_by(each, "twin", status=401))
        assert time.monotonic() - started < 1.0


async def test_without_the_word_the_second_look_finds_out(
    seeded: Settings, run_app: RunApp, office: Office, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.ingest.partners.change_repository.CHANNEL", "nobody_speaks_here")
    await office.partner("deaf")
    async with run_app(seeded) as deaf:
        signer = await office.signer("deaf")
        await settle(accepted_by(Signer(deaf, signer.app_key, signer.pair), "deaf"))


async def test_a_suspended_partner_is_refused_and_its_readers_with_it(office: Office, settle: Settle) -> None:
    await office.partner("paused")
    signer = await office.signer("paused")
    await settle(accepted_by(signer, "paused"))
    assert (await office.call("POST", "/paused/suspend", {"reason": "数据异常"}))["status"] == "suspended"
    await settle(accepted_by(signer, "paused", status=403))
    refused = await signer.post(b"[]")
    assert refused.json()["code"] == "PARTNER_SUSPENDED"
    stranger = await signer.post(b"[]", private="another-secret-of-nobody")
    assert stranger.json()["code"] == "SIGNATURE_INVALID"  # who has no key learns nothing
    await office.call("POST", "/paused/resume", {"reason": "已核实"})
    await settle(accepted_by(signer, "paused"))


async def test_a_live_partners_sandbox_key_touches_nothing_live(office: Office, settle: Settle, published: Any) -> None:
    await office.partner("both")
    signer = await office.signer("both", environment="sandbox")
    await settle(accepted_by(signer, "both"))
    answer = await signer.post(json.dumps([event("s-1", partner="both")]).encode())
    assert answer.json()["environment"] == "sandbox"
    assert await published.news() == []
    client = PartnerClient(signer.http, signer.app_key)
    asked = await client.get("/api/v1/ingest/events/s-1", secret=signer.pair.private)
    assert (asked.status_code, asked.json()["code"]) == (403, "SANDBOX_KEY_NOT_ALLOWED")
    sandboxed = await office.call(
        "POST", "/box/keys", {"algorithm": cp1.HMAC_SHA256, "environment": "live", "reason": "不行"}, expect=409
    )
    assert sandboxed["code"] == "SANDBOX_ONLY"


async def test_an_address_list_is_kept_to(office: Office, settle: Settle) -> None:
    await office.partner("fenced", allowed_networks=["203.0.113.0/24", "2001:db8::/32"])
    signer = await office.signer("fenced")
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


async def test_changes_are_whole_and_rules_hold(office: Office) -> None:
    await office.partner("changing")
    assert (await office.call("POST", "", terms("changing"), expect=409))["code"] == "PARTNER_EXISTS"
    body = terms("changing", cities=[], events_per_day=None, reason="全市开放")
    del body["partner_id"]
    changed = await office.call("PUT", "/changing", body)
    assert (changed["cities"], changed["events_per_day"]) == ([], None)
    taken = await office.call("PUT", "/changing", {**body, "source": "//bike.example"}, expect=409)
    assert taken["code"] == "SOURCE_TAKEN"
    assert (await office.call("PUT", "/nobody", body, expect=404))["code"] == "PARTNER_NOT_FOUND"
    for wrong in (
        {"events_burst": 499},
        {"allowed_networks": ["10.0.0.1/8"]},
        {"event_types": ["trip.invented"]},
        {"x": 1},
    ):
        assert (await office.call("PUT", "/changing", {**body, **wrong}, expect=422))["code"] == "INVALID_REQUEST"


async def test_every_change_is_in_the_audit_log(office: Office, ingest_dsns: Dsns) -> None:
    await office.partner("audited", phone_pepper="pepper-of-sixteen-or-more")
    signer = await office.signer("audited")
    await office.call("POST", "/audited/suspend", {"reason": "例行检查"})
    await office.call("POST", f"/audited/keys/{signer.app_key}/revoke", {"reason": "到期更换"})
    answer = await office.http.get(
        "/api/v1/ingest/ops/audit", params={"object": "partner/audited"}, headers=office.headers
    )
    entries = answer.json()["items"]
    assert [entry["action"] for entry in entries] == [
        "key.revoke", "partner.suspend", "key.issue", "partner.create",
    ]  # fmt: skip
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


async def test_scopes(api: httpx.AsyncClient, tokens: TokenFactory) -> None:
    reader = tokens.operator("ops:read")
    assert (await api.get(PARTNERS, headers=reader)).status_code == 200
    for headers, status in ((reader, 403), ({}, 401), (tokens.operator("ops:ledger"), 403)):
        answer = await api.post(PARTNERS, json=terms("nope"), headers=headers)
        assert answer.status_code == status
    assert (await api.get(PARTNERS, headers=tokens.operator("ops:ledger"))).status_code == 403
