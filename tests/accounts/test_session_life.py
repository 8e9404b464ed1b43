"""Log-out ends changes at once, although the access token is valid for 30 minutes."""

import re
import uuid
from typing import Any

import httpx
import jwt
import pytest

from services.accounts.sessions.service import SESSIONS_PER_USER_MAX
from tests.accounts.conftest import BASE, Db, People, code_of
from tests.tokens import TokenFactory, service_token

_ID = str(uuid.UUID(int=1))
CHANGES: list[tuple[str, str, dict[str, Any]]] = [
    ("PUT", "/me/phone", {"json": {"code": "dev-phone:13800138000"}}),
    ("DELETE", f"/me/bindings/{uuid.UUID(int=1)}", {}),
    ("DELETE", f"/me/sessions/{uuid.UUID(int=1)}", {}),
    ("POST", "/sessions/step-up", {"json": {"code": "dev:anna"}}),
    ("POST", "/me/bindings", {"json": {"partner_id": "didi", "mode": "account_no"}}),
    ("POST", "/me/bindings/authorizations", {"json": {"partner_id": "hello"}}),
    ("POST", "/me/bindings/token", {}),
    ("POST", "/me/carbon-account", {"json": {"consent": {"policy_version": "2026-11"}}}),
    ("POST", "/me/consents", {"json": {"purpose": "messages", "policy_version": "2026-11"}}),
    ("DELETE", "/me/consents?purpose=messages", {}),
    ("POST", "/me/guardian/invitations", {}),
    ("POST", "/me/wards", {"json": {"code": "cig_nobody", "consent": {"policy_version": "2026-11"}}}),
    ("DELETE", f"/me/wards/{uuid.UUID(int=1)}", {}),
    (
        "POST",
        f"/me/wards/{uuid.UUID(int=1)}/consents",
        {"json": {"purpose": "messages", "policy_version": "2026-11"}},
    ),
    ("DELETE", f"/me/wards/{uuid.UUID(int=1)}/consents?purpose=messages", {}),
    ("POST", "/me/messages", {"json": {"answers": [{"kind": "expiring", "answer": "reject"}]}}),
    ("POST", "/me/steps", {"json": {"code": "dev:anna", "encrypted_data": "AAAA", "iv": "A" * 24}}),
    ("POST", "/households", {}),
    ("POST", "/households/join", {"json": {"token": "chi_nobody"}}),
    ("POST", f"/households/{uuid.UUID(int=1)}/invitations", {}),
    ("PUT", f"/households/{uuid.UUID(int=1)}/meter", {"json": {"meter_ref": "M-1"}}),
    ("DELETE", f"/households/{uuid.UUID(int=1)}/members/me", {}),
    (
        "POST",
        "/enterprises",
        {
            "json": {
                "uscc": "914201007071000009",
                "name": "江城会展有限公司",
                "kinds": ["venue"],
                "contact": {"name": "张敏", "phone": "027-85550000"},
            }
        },
    ),
    ("POST", f"/enterprises/{_ID}/members", {"json": {"account_no": "WH1", "roles": ["viewer"]}}),
    ("DELETE", f"/enterprises/{_ID}/members/{_ID}", {}),
    ("POST", f"/enterprises/{_ID}/close", {}),
    ("POST", f"/me/enterprises/{_ID}/accept", {}),
    ("DELETE", f"/me/enterprises/{_ID}", {}),
    ("POST", f"/enterprise-documents/{_ID}?kind=other&sha256={'0' * 64}", {"content": b"%PDF-"}),
    ("DELETE", f"/enterprise-documents/{_ID}/{_ID}", {}),
    (
        "POST",
        f"/enterprises/{_ID}/mandate-terms",
        {"json": {"kind": "benefit", "scenes": ["bus"], "terms_version": "1", "text": "我同意由平台归集。"}},
    ),
    ("POST", f"/enterprises/{_ID}/mandate-terms/{_ID}/publish", {}),
    ("POST", f"/enterprises/{_ID}/mandate-terms/{_ID}/end", {"json": {"ends_at": "2027-12-31T00:00:00+08:00"}}),
    (
        "POST",
        "/me/mandates",
        {
            "json": {
                "platform_id": _ID,
                "kind": "benefit",
                "scenes": ["bus"],
                "terms_version": "1",
                "terms_sha256": "0" * 64,
            }
        },
    ),
    ("DELETE", f"/me/mandates/{_ID}", {}),
    ("DELETE", "/me", {}),
    ("POST", "/me/erasure/cancel", {}),
    ("POST", "/me/export", {}),
    ("POST", "/me/freeze-questions", {"json": {"text": "why"}}),
    ("PUT", f"/households/{uuid.UUID(int=1)}/members/me", {"json": {"nickname": "小雨"}}),
    ("DELETE", f"/households/{uuid.UUID(int=1)}/members/{uuid.UUID(int=1)}", {}),
    ("PUT", f"/households/{uuid.UUID(int=1)}/name", {"json": {"name": "江边"}}),
    ("PUT", f"/households/{uuid.UUID(int=1)}/owner", {"json": {"member_id": str(uuid.UUID(int=1))}}),
    ("POST", f"/households/{uuid.UUID(int=1)}/owner/accept", {}),
    ("DELETE", f"/households/{uuid.UUID(int=1)}/owner", {}),
    ("PUT", f"/households/{uuid.UUID(int=1)}/rule", {"json": {"kind": "all_agree"}}),
    ("POST", f"/households/{uuid.UUID(int=1)}/rule/agree", {}),
    ("POST", f"/households/{uuid.UUID(int=1)}/rule/refuse", {}),
    ("POST", "/me/family-cards", {"json": {"kind": "paper", "consent": {"policy_version": "2026-11"}}}),
    ("POST", "/me/family-cards/claim", {"json": {"code": "cfh_nobody"}}),
    ("POST", f"/me/family-cards/{uuid.UUID(int=1)}/qr", {}),
    ("POST", f"/me/family-cards/{uuid.UUID(int=1)}/handover", {}),
    ("POST", f"/me/family-cards/{uuid.UUID(int=1)}/bindings", {"json": {"partner_id": "didi"}}),
    ("DELETE", f"/me/family-cards/{uuid.UUID(int=1)}/bindings/{uuid.UUID(int=1)}", {}),
    ("DELETE", f"/me/family-cards/{uuid.UUID(int=1)}", {}),
]


@pytest.mark.parametrize(("method", "path", "more"), CHANGES, ids=[f"{m} {p}" for m, p, _ in CHANGES])
async def test_c6_after_log_out_nothing_can_be_changed(
    people: People, method: str, path: str, more: dict[str, Any]
) -> None:
    phone, tablet = await people.new("anna"), await people.new("anna")
    before = await phone.call(method, path, **more)
    assert before.status_code != 401, before.text
    assert (await phone.call("DELETE", "/sessions/current")).status_code == 204
    assert code_of(await phone.call(method, path, **more)) == (401, "SESSION_ENDED")
    # The other device goes on, and reading goes on until the token expires.
    assert (await tablet.call(method, path, **more)).status_code != 401
    assert (await phone.call("GET", "/me")).status_code == 200


async def test_c6_every_change_of_a_citizen_is_in_the_list_above(client: httpx.AsyncClient) -> None:
    """A new route must choose: it asks for the session, or it is named here with its reason."""
    no_session_yet = {("post", "/sessions"), ("post", "/sessions/refresh")}
    ends_it = {("delete", "/sessions/current"), ("delete", "/me/sessions")}
    partner = "/partner/bindings"
    others = {("post", partner), ("post", f"{partner}/end"), ("delete", f"{partner}/{{}}")}
    others |= {("post", f"{partner}/{{}}/{verb}") for verb in ("confirm", "refuse")}
    others |= {("post", f"/partner/{what}") for what in ("meters", "family-cards/check")}
    listed = {
        (method.lower(), path.partition("?")[0].replace(str(uuid.UUID(int=1)), "{}")) for method, path, _ in CHANGES
    }
    document = (await client.get(f"{BASE}/openapi.json")).json()
    found = set()
    for path, item in document["paths"].items():
        own = path.removeprefix(BASE)
        if own.startswith("/ops/"):
            continue
        own = re.sub(r"\{\w+\}", "{}", own)
        found |= {(method, own) for method in item if method != "get"}
    assert found - no_session_yet - ends_it - others == listed


async def test_c6_reuse_of_a_refresh_token_ends_changes_as_well(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    anna = await people.new("anna")
    await client.post(f"{BASE}/sessions/refresh", json={"refresh_token": anna.refresh_token})
    await db.execute("UPDATE accounts.refresh_token SET used_at = used_at - interval '61 seconds'")
    await client.post(f"{BASE}/sessions/refresh", json={"refresh_token": anna.refresh_token})
    assert code_of(await anna.bind("didi")) == (401, "SESSION_ENDED")


async def test_c6_the_session_above_the_limit_changes_nothing(people: People) -> None:
    """scalekit-inc/org-brain-workshop#42: what was revoked elsewhere must not go on for a day."""
    logins = [await people.new("anna", with_account=False) for _ in range(SESSIONS_PER_USER_MAX + 1)]
    assert code_of(await logins[0].bind("didi")) == (401, "SESSION_ENDED")
    assert (await logins[1].bind("didi")).status_code != 401


async def test_c6_a_token_of_no_session_changes_nothing(people: People, tokens: TokenFactory) -> None:
    anna = await people.new("anna")
    for token_id in ("nonsense", str(uuid.uuid4()), f"{uuid.uuid4()}.1", ""):
        anna.headers = {"Authorization": f"Bearer {tokens.access(anna.user_id, jti=token_id)}"}
        assert code_of(await anna.bind("didi")) == (401, "SESSION_ENDED")


async def ask(client: httpx.AsyncClient, *tokens: tuple[uuid.UUID, str], issuer: str = "rewards") -> httpx.Response:
    service = service_token(issuer, "accounts")
    body = {"tokens": [{"user_id": str(user_id), "token_id": token_id} for user_id, token_id in tokens]}
    headers = {"Authorization": f"Bearer {service}"}
    return await client.post("/internal/accounts/sessions/live", json=body, headers=headers)


async def test_c6_services_ask_for_many_sessions_at_once(client: httpx.AsyncClient, people: People) -> None:
    anna, bert = await people.new("anna"), await people.new("bert")
    sessions = [_token_id(anna.headers), _token_id(bert.headers)]
    await bert.call("DELETE", "/sessions/current")
    answer = await ask(
        client,
        (anna.user_id, sessions[0]),
        (bert.user_id, sessions[1]),
        (bert.user_id, sessions[0]),  # of another person
        (anna.user_id, "nonsense"),
        (anna.user_id, sessions[0]),
    )
    assert answer.json() == {"live": [True, False, False, False, True]}


async def test_c6_only_services_may_ask(client: httpx.AsyncClient, people: People) -> None:
    anna = await people.new("anna")
    path = "/internal/accounts/sessions/live"
    body = {"tokens": [{"user_id": str(anna.user_id), "token_id": "x"}]}
    assert code_of(await client.post(path, json=body)) == (401, "UNAUTHENTICATED")
    assert code_of(await client.post(path, json=body, headers=anna.headers)) == (401, "UNAUTHENTICATED")


def _token_id(headers: dict[str, str]) -> str:
    token = headers["Authorization"].removeprefix("Bearer ")
    return str(jwt.decode(token, options={"verify_signature": False})["jti"])
