"""What needs a second operator: live partners, live keys, wider terms; and what one operator does at once."""

from typing import Any

import pytest

from shared.auth import cp1
from tests.databases import Dsns
from tests.ingest.conftest import Settle
from tests.ingest.operators import PROPOSALS, OperatorClient, accepted_by, terms
from tests.ingest.samples import oauth_terms
from tests.ingest.signing import Pair, Signer
from tests.ingest.test_partners import rows
from tests.tokens import TokenFactory


async def secrets_waiting(dsns: Dsns) -> int:
    found = await rows(dsns, "SELECT count(*) FROM ingest.proposed_secret")
    return int(found[0]["count"])


async def test_b3_a_live_partner_exists_after_a_second_operator_approved(
    operators: OperatorClient, ingest_dsns: Dsns
) -> None:
    body = terms("pair", phone_pepper="pepper-of-the-pair-16", oauth=oauth_terms("s3cret-of-pair"))
    proposal = await operators.call("POST", "", body, expect=202)
    assert (proposal["kind"], proposal["partner_id"], proposal["status"]) == ("partner.create", "pair", "open")
    assert proposal["content"]["secrets"] == ["phone_pepper", "oauth"]
    shown = proposal["content"]["oauth"]
    assert (shown["redirect_uri"], shown["token_url"]) == (
        "https://carbon.example/bound",
        "https://oauth.example/token",
    )
    assert "pepper-of" not in str(proposal)
    assert "s3cret-of" not in str(proposal)
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
        {"binding_modes": ["account_no_confirmed"]},
        {"late_window_s": 366 * 86_400},
        {"events_per_day": None},
        {"requests_per_s": 51},
        {"allowed_networks": []},
        {"allowed_networks": ["203.0.113.0/24", "0.0.0.0/0"]},
        {"allowed_networks": ["2001:db8::/32"]},
        {"source": "//elsewhere.example"},
        {"phone_pepper": "pepper-known-to-one-operator"},
        {"oauth": oauth_terms("s3cret-of-one-operator", token_url="https://mine.example/token")},
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
