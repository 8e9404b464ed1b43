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
from tests.ingest.samples import PartnerClient, event, secret_of
from tests.ingest.signing import Pair, Signer, pair
from tests.ingest.test_partners import rows
from tests.tokens import TokenFactory

PARTNERS = "/api/v1/ingest/ops/partners"
PROPOSALS = "/api/v1/ingest/ops/proposals"


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


class OperatorClient:
    """An operator who calls the routes of partners and keys, and a second one who approves."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str], second: dict[str, str]) -> None:
        self.http, self.headers, self.second = http, headers, second

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.http.request(method, PARTNERS + path, json=body, headers=self.headers)

    async def call(self, method: str, path: str, body: Any = None, expect: int | None = None) -> Any:
        answer = await self.send(method, path, body)
        if expect is None:
            assert answer.is_success, answer.text
        else:
            assert answer.status_code == expect, answer.text
        return answer.json()

    async def decide(self, step: str, proposal: Any, *, headers: dict[str, str] | None = None) -> httpx.Response:
        place = f"{PROPOSALS}/{proposal['proposal_id']}/{step}"
        return await self.http.post(place, json={"reason": "已核对合同"}, headers=headers or self.second)

    async def call_together(self, method: str, path: str, body: Any) -> Any:
        """Propose and approve. Returns the answer to the proposal."""
        proposal = await self.call(method, path, body, expect=202)
        approved = await self.decide("approve", proposal)
        assert approved.status_code == 200, approved.text
        return proposal

    async def partner(self, partner_id: str, **changes: Any) -> Any:
        await self.call_together("POST", "", terms(partner_id, **changes))
        return await self.call("GET", f"/{partner_id}")

    async def key(self, partner_id: str, algorithm: str = cp1.HMAC_SHA256, **more: Any) -> Any:
        """A key as its first operator gets it, usable."""
        body = {"algorithm": algorithm, "reason": "首个密钥", **more}
        if more.get("environment") == "sandbox":
            return await self.call("POST", f"/{partner_id}/keys", body, expect=201)
        return await self.call_together("POST", f"/{partner_id}/keys", body)

    async def signer(self, partner_id: str, **more: Any) -> Signer:
        made = await self.key(partner_id, **more)
        return Signer(self.http, made["app_key"], Pair(cp1.HMAC_SHA256, made["secret"], ""))


@pytest.fixture
def operators(api: httpx.AsyncClient, tokens: TokenFactory) -> OperatorClient:
    return OperatorClient(api, tokens.operator(), tokens.operator(subject="operator-2"))


def accepted_by(signer: Signer, partner_id: str, status: int = 202) -> Any:
    """A condition on the answer to one event."""
    body = json.dumps([event("o-1", partner=partner_id)]).encode()

    async def condition() -> bool:
        return (await signer.post(body)).status_code == status

    return condition


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
    asked = await client.get("/api/v1/ingest/events/s-1", secret=signer.pair.private)
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


async def secrets_waiting(dsns: Dsns) -> int:
    found = await rows(dsns, "SELECT count(*) FROM ingest.proposed_secret")
    return int(found[0]["count"])


async def test_b3_a_live_partner_exists_after_a_second_operator_approved(
    operators: OperatorClient, ingest_dsns: Dsns
) -> None:
    body = terms("pair", phone_pepper="pepper-of-the-pair-16", oauth={"client_secret": "s3cret-of-pair"})
    proposal = await operators.call("POST", "", body, expect=202)
    assert (proposal["kind"], proposal["partner_id"], proposal["status"]) == ("partner.create", "pair", "open")
    assert proposal["content"]["secrets"] == ["phone_pepper", "oauth"]
    assert "pepper-of" not in str(proposal)
    await operators.call("GET", "/pair", expect=404)
    assert (await operators.call("POST", "", body, expect=409))["code"] == "PROPOSAL_OPEN"
    alone = await operators.decide("approve", proposal, headers=operators.headers)
    assert (alone.status_code, alone.json()["code"]) == (409, "SECOND_PERSON_NEEDED")
    await operators.call("GET", "/pair", expect=404)
    approved = await operators.decide("approve", proposal)
    assert (approved.status_code, approved.json()["decided_by"]) == (200, "operator-2")
    made = await operators.call("GET", "/pair")
    assert (made["environment"], made["has_phone_pepper"], made["has_oauth"]) == ("live", True, True)
    assert await secrets_waiting(ingest_dsns) == 0


async def test_b3_a_live_key_is_refused_until_a_second_operator_approves(
    operators: OperatorClient, settle: Settle, ingest_dsns: Dsns
) -> None:
    await operators.partner("keyed")
    issued = await operators.call("POST", "/keyed/keys", {"algorithm": cp1.HMAC_SHA256, "reason": "首个"}, expect=202)
    signer = Signer(operators.http, issued["app_key"], Pair(cp1.HMAC_SHA256, issued["secret"], ""))
    assert (await signer.post(b"[]")).json()["code"] == "UNKNOWN_APP_KEY"
    assert (await operators.decide("approve", issued, headers=operators.headers)).status_code == 409
    # The second person sees what will be done, and never the secret.
    place = f"{PROPOSALS}/{issued['proposal_id']}"
    seen = await operators.http.get(place, headers=operators.second)
    assert seen.json()["content"]["key"]["algorithm"] == cp1.HMAC_SHA256
    approved = await operators.decide("approve", issued)
    audit = await operators.http.get(
        "/api/v1/ingest/ops/audit", params={"object": "partner/keyed"}, headers=operators.second
    )
    stored = await rows(ingest_dsns, "SELECT content::text FROM ingest.approval")
    for text in (seen.text, approved.text, audit.text, str([row["content"] for row in stored])):
        assert issued["secret"] not in text
        assert "sealed" not in text
    await settle(accepted_by(signer, "keyed"))
    assert await secrets_waiting(ingest_dsns) == 0
    again = await operators.decide("approve", issued)
    assert (again.status_code, again.json()["code"]) == (409, "PROPOSAL_DECIDED")


async def test_b3_a_rejected_key_never_becomes_valid(operators: OperatorClient, ingest_dsns: Dsns) -> None:
    await operators.partner("refusing")
    issued = await operators.call(
        "POST", "/refusing/keys", {"algorithm": cp1.HMAC_SHA256, "reason": "试" * 2}, expect=202
    )
    assert (await operators.decide("reject", issued)).json()["status"] == "rejected"
    assert await secrets_waiting(ingest_dsns) == 0
    assert (await operators.decide("approve", issued)).json()["code"] == "PROPOSAL_DECIDED"
    assert (await operators.call("GET", "/refusing"))["keys"] == []


async def test_b3_sandbox_partners_and_keys_need_one_operator(operators: OperatorClient, settle: Settle) -> None:
    made = await operators.call("POST", "", terms("sandy", environment="sandbox"), expect=201)
    assert made["environment"] == "sandbox"
    issued = await operators.call("POST", "/sandy/keys", {"algorithm": cp1.HMAC_SHA256, "reason": "沙箱"}, expect=201)
    signer = Signer(operators.http, issued["app_key"], Pair(cp1.HMAC_SHA256, issued["secret"], ""))
    await settle(accepted_by(signer, "sandy"))
    body = terms("sandy", cities=[], reason="放宽沙箱")
    del body["partner_id"]
    await operators.call("PUT", "/sandy", body, expect=200)
    # Nothing turns a sandbox partner or key into a live one.
    await operators.call("PUT", "/sandy", {**body, "environment": "live"}, expect=422)
    more = {"algorithm": cp1.HMAC_SHA256, "environment": "live", "reason": "正式"}
    assert (await operators.call("POST", "/sandy/keys", more, expect=409))["code"] == "SANDBOX_ONLY"


async def test_b3_enabling_a_live_key_again_needs_two_and_ending_it_one(
    operators: OperatorClient, settle: Settle
) -> None:
    await operators.partner("timed")
    signer = await operators.signer("timed")
    path = f"/timed/keys/{signer.app_key}"
    await settle(accepted_by(signer, "timed"))
    await operators.call("PUT", path, {"not_after": "2026-01-01T00:00:00Z", "reason": "到期"}, expect=200)
    await settle(accepted_by(signer, "timed", status=401))
    for longer in ({}, {"not_after": "2036-01-01T00:00:00Z"}, {"not_after": "2026-01-01T00:00:01Z"}):
        proposal = await operators.call("PUT", path, {**longer, "reason": "恢复"}, expect=202)
        assert (await operators.call("GET", "/timed"))["keys"][0]["state"] == "expired"
        withdrawn = await operators.decide("reject", proposal, headers=operators.headers)
        assert withdrawn.json()["status"] == "withdrawn"
    proposal = await operators.call("PUT", path, {"not_after": "2036-01-01T00:00:00Z", "reason": "恢复"}, expect=202)
    assert proposal["app_key"] == signer.app_key
    assert (await operators.decide("approve", proposal)).status_code == 200
    await settle(accepted_by(signer, "timed"))
    proposal = await operators.call("PUT", path, {"reason": "不限期"}, expect=202)
    await operators.call("POST", f"{path}/revoke", {"reason": "疑似泄露"}, expect=200)
    late = await operators.decide("approve", proposal)
    assert (late.status_code, late.json()["code"]) == (409, "KEY_ALREADY_REVOKED")


async def test_b3_a_second_proposal_cannot_exceed_the_two_live_keys(operators: OperatorClient) -> None:
    await operators.partner("crowded")
    await operators.signer("crowded")
    body = {"algorithm": cp1.HMAC_SHA256, "reason": "轮换"}
    proposal = await operators.call("POST", "/crowded/keys", body, expect=202)
    assert (await operators.call("POST", "/crowded/keys", body, expect=409))["code"] == "PROPOSAL_OPEN"
    assert (await operators.decide("approve", proposal)).status_code == 200
    assert (await operators.call("POST", "/crowded/keys", body, expect=409))["code"] == "TOO_MANY_LIVE_KEYS"


async def test_b3_resuming_a_live_partner_needs_two(operators: OperatorClient) -> None:
    await operators.partner("halted")
    await operators.call("POST", "/halted/suspend", {"reason": "数据异常"}, expect=200)
    proposal = await operators.call("POST", "/halted/resume", {"reason": "已核实"}, expect=202)
    assert (await operators.call("GET", "/halted"))["status"] == "suspended"
    assert (await operators.decide("approve", proposal, headers=operators.headers)).status_code == 409
    assert (await operators.decide("approve", proposal)).status_code == 200
    assert (await operators.call("GET", "/halted"))["status"] == "active"


@pytest.mark.parametrize(
    "wider",
    [
        {"cities": []},
        {"cities": ["420100", "420200"]},
        {"event_types": ["trip.completed", "energy.saved"]},
        {"scenes": ["bike", "metro"]},
        {"binding_modes": ["account_no", "phone_hash"]},
        {"late_window_s": 366 * 86_400},
        {"events_per_day": None},
        {"requests_per_s": 51},
        {"allowed_networks": []},
        {"allowed_networks": ["203.0.113.0/24", "0.0.0.0/0"]},
        {"allowed_networks": ["2001:db8::/32"]},
        {"source": "//elsewhere.example"},
        {"phone_pepper": "pepper-known-to-one-operator"},
        {"oauth": {"token_url": "https://mine.example"}},
    ],
    ids="-".join,
)
async def test_b3_wider_terms_of_a_live_partner_need_two(operators: OperatorClient, wider: dict[str, Any]) -> None:
    name = f"wide-{abs(hash(str(wider))) % 10**9}"
    start = terms(name, allowed_networks=["203.0.113.0/24"], reason="变更条款")
    await operators.partner(name, allowed_networks=["203.0.113.0/24"])
    del start["partner_id"]
    proposal = await operators.call("PUT", f"/{name}", {**start, **wider}, expect=202)
    before = await operators.call("GET", f"/{name}")
    assert (before["cities"], before["allowed_networks"]) == (["420100"], ["203.0.113.0/24"])
    assert (await operators.decide("approve", proposal, headers=operators.headers)).status_code == 409
    assert (await operators.decide("approve", proposal)).status_code == 200
    after = await operators.call("GET", f"/{name}")
    for field in wider.keys() - {"phone_pepper", "oauth", "event_types"}:
        assert after[field] == wider[field]


async def test_b3_narrower_terms_take_effect_at_once_and_overtake_a_proposal(operators: OperatorClient) -> None:
    await operators.partner("slim")
    start = terms("slim", reason="变更条款")
    del start["partner_id"]
    wider = await operators.call("PUT", "/slim", {**start, "cities": []}, expect=202)
    narrow = {**start, "name": "江城单车二", "events_per_day": 1_000, "allowed_networks": ["203.0.113.0/24"]}
    changed = await operators.call("PUT", "/slim", narrow, expect=200)
    assert (changed["name"], changed["events_per_day"]) == ("江城单车二", 1_000)
    late = await operators.decide("approve", wider)
    assert (late.status_code, late.json()["code"]) == (409, "PARTNER_CHANGED")
    assert (await operators.decide("reject", wider)).status_code == 200


@pytest.mark.parametrize(
    "same",
    [
        "OPERATOR-1",
        "operator-1 ",
        " Operator-1",
        "ＯＰＥＲＡＴＯＲ-1",
        "operator-1\t",
        "oper\u200bator-1",
        "oper\u034fator-1",
        "\u043eperator-1",  # a Cyrillic o
        "operator-1\x00",
        "",
    ],
)
async def test_b11_another_spelling_of_the_proposer_is_no_second_person(
    operators: OperatorClient, tokens: TokenFactory, same: str
) -> None:
    name = f"spelled-{abs(hash(same)) % 10**9}"
    proposal = await operators.call("POST", "", terms(name), expect=202)
    alone = await operators.decide("approve", proposal, headers=tokens.operator(subject=same))
    assert alone.status_code in {401, 409}
    await operators.call("GET", f"/{name}", expect=404)


async def test_b12_a_rejected_partner_leaves_an_audit_entry_with_its_reason(operators: OperatorClient) -> None:
    proposal = await operators.call("POST", "", terms("unwanted"), expect=202)
    assert (await operators.decide("reject", proposal)).json()["status"] == "rejected"
    answer = await operators.http.get(
        "/api/v1/ingest/ops/audit", params={"object": "partner/unwanted"}, headers=operators.headers
    )
    newest = answer.json()["items"][0]
    assert (newest["action"], newest["subject"], newest["reason"]) == (
        "partner.create.reject", "operator-2", "已核对合同",
    )  # fmt: skip
    listed = await operators.http.get(f"{PROPOSALS}?status=rejected&limit=100", headers=operators.headers)
    assert proposal["proposal_id"] in {item["proposal_id"] for item in listed.json()["items"]}
