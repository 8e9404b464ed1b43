"""Operators log in by local accounts: password, one-time code, attempts, sessions, revocation."""

import asyncio
import re
import uuid
from datetime import timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from argon2 import PasswordHasher, Type
from fastapi import FastAPI

from services.accounts.operator_accounts import service as operator_accounts
from services.accounts.operator_accounts.domain import ROLES
from services.accounts.operator_sessions import service as operator_sessions
from services.accounts.worker import purge
from shared import clock
from tests.accounts.conftest import Db, code_of
from tests.accounts.operators import LEDGER, OPS, bearer, make_local
from tests.tokens import TokenFactory

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("early_in_a_step")


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> "Later":
    return Later(monkeypatch)


class Later:
    """Moves the clock of the service."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch, self._now = monkeypatch, clock.now
        self._by = timedelta()

    def move(self, by: timedelta) -> None:
        self._by += by
        self._monkeypatch.setattr(clock, "now", lambda: self._now() + self._by)


async def test_b10_a_local_operator_logs_in_with_password_and_one_time_code(
    app: FastAPI, client: httpx.AsyncClient, db: Db
) -> None:
    anna = await make_local(app, roles=LEDGER)
    answer = await client.post(f"{OPS}/sessions", json=anna.body())
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["subject"], body["roles"], body["scopes"]) == ("local:anna", ["ledger"], ["ops:ledger", "ops:read"])
    assert body["expires_in"] == 300
    claims = jwt.decode(body["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["scope"], claims["sid"]) == ("local:anna", "ops:ledger ops:read", body["session_id"])
    assert claims["exp"] - claims["iat"] == 300
    mine = (await client.get(f"{OPS}/sessions", headers=bearer(answer))).json()["items"]
    assert [(one["session_id"], one["method"]) for one in mine] == [(body["session_id"], "local")]
    stored = await db.fetchrow("SELECT password_hash, totp_sealed FROM accounts.operator_account")
    assert stored is not None
    assert stored["password_hash"].startswith("$argon2id$")
    assert anna.totp.secret.encode() not in stored["totp_sealed"]


async def test_b10_a_one_time_code_works_once_also_for_two_log_ins_at_once(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    anna = await make_local(app)
    body = anna.body()
    answers = await asyncio.gather(*(client.post(f"{OPS}/sessions", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401]
    again = await client.post(f"{OPS}/sessions", json=body)
    assert code_of(again) == (401, "LOG_IN_REFUSED")


async def test_b10_a_code_of_a_step_before_the_used_one_is_refused(app: FastAPI, client: httpx.AsyncClient) -> None:
    """adfsmfa 59: older codes that clock drift still allows must not work once a newer one was used."""
    anna = await make_local(app)
    older, newer = anna.body(steps=-1), anna.body(steps=1)
    assert (await client.post(f"{OPS}/sessions", json=newer)).status_code == 201
    assert code_of(await client.post(f"{OPS}/sessions", json=older)) == (401, "LOG_IN_REFUSED")
    assert code_of(await client.post(f"{OPS}/sessions", json=anna.body(steps=3))) == (401, "LOG_IN_REFUSED")


@pytest.mark.parametrize("wrong", ["password", "code", "name"])
async def test_b10_every_wrong_log_in_gets_the_same_answer(app: FastAPI, client: httpx.AsyncClient, wrong: str) -> None:
    anna = await make_local(app)
    body = anna.body()
    body[wrong] = {"password": "wrong-password", "code": f"{(int(body['code']) + 1) % 10**6:06}", "name": "nobody"}[
        wrong
    ]
    assert code_of(await client.post(f"{OPS}/sessions", json=body)) == (401, "LOG_IN_REFUSED")


@pytest.mark.parametrize("name", ["anna", "nobody"])
async def test_b10_attempts_are_limited_and_the_lock_says_when_it_ends(
    app: FastAPI, client: httpx.AsyncClient, later: Later, name: str
) -> None:
    anna = await make_local(app)
    wrong = anna.body(name=name, password="wrong-password")
    # At once: each is counted before its password is compared.
    answers = await asyncio.gather(*(client.post(f"{OPS}/sessions", json=wrong) for _ in range(12)))
    assert sorted(code_of(answer) for answer in answers) == [(401, "LOG_IN_REFUSED")] * 5 + [(429, "LOG_IN_LOCKED")] * 7
    right = await client.post(f"{OPS}/sessions", json=anna.body(name=name))
    assert code_of(right) == (429, "LOG_IN_LOCKED")
    assert 800 < int(right.headers["retry-after"]) <= 900
    later.move(timedelta(seconds=int(right.headers["retry-after"]) + 1))
    after = await client.post(f"{OPS}/sessions", json=anna.body(name=name))
    assert after.status_code == (201 if name == "anna" else 401)


async def test_b10_a_locked_address_does_not_lock_the_name_elsewhere(app: FastAPI, client: httpx.AsyncClient) -> None:
    """An attacker must not lock an operator out from one address."""
    anna = await make_local(app)
    for _ in range(10):
        await client.post(f"{OPS}/sessions", json=anna.body(code="000000"))
    elsewhere = {"x-envoy-external-address": "203.0.113.7"}
    assert (await client.post(f"{OPS}/sessions", json=anna.body(), headers=elsewhere)).status_code == 201


async def test_b10_a_made_up_address_gives_no_new_attempts(app: FastAPI, client: httpx.AsyncClient) -> None:
    """OxiCloud 323: who varies X-Forwarded-For is still the same address."""
    anna = await make_local(app)
    codes = [
        code_of(
            await client.post(
                f"{OPS}/sessions", json=anna.body(code="000000"), headers={"X-Forwarded-For": f"203.0.113.{number}"}
            )
        )
        for number in range(6)
    ]
    assert codes == [(401, "LOG_IN_REFUSED")] * 5 + [(429, "LOG_IN_LOCKED")]


async def test_b10_one_password_tried_with_many_names_is_stopped(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NIST 800-63-3 issue 99: locks by name alone do not see an attack on all names."""
    monkeypatch.setattr(operator_accounts, "ATTEMPTS_OF_ADDRESS_MAX", 8)
    anna = await make_local(app)
    codes = [
        code_of(await client.post(f"{OPS}/sessions", json=anna.body(name=f"operator-{number}"))) for number in range(9)
    ]
    assert codes == [(401, "LOG_IN_REFUSED")] * 8 + [(429, "LOG_IN_LOCKED")]
    # The name is free elsewhere.
    elsewhere = {"x-envoy-external-address": "203.0.113.7"}
    assert (await client.post(f"{OPS}/sessions", json=anna.body(), headers=elsewhere)).status_code == 201


async def test_b10_a_session_is_refreshed_and_a_reused_token_ends_it(
    app: FastAPI, client: httpx.AsyncClient, later: Later
) -> None:
    anna = await make_local(app)
    first = (await client.post(f"{OPS}/sessions", json=anna.body())).json()["refresh_token"]
    second = await client.post(f"{OPS}/sessions/refresh", json={"refresh_token": first})
    repeated = await client.post(f"{OPS}/sessions/refresh", json={"refresh_token": first})
    assert second.json()["refresh_token"] == repeated.json()["refresh_token"] != first
    later.move(timedelta(seconds=61))
    reused = await client.post(f"{OPS}/sessions/refresh", json={"refresh_token": first})
    assert code_of(reused) == (401, "OPERATOR_REFRESH_INVALID")
    body = {"refresh_token": second.json()["refresh_token"]}
    assert code_of(await client.post(f"{OPS}/sessions/refresh", json=body)) == (401, "OPERATOR_SESSION_ENDED")


async def test_b10_a_session_ends_after_eight_hours_also_if_it_is_refreshed(
    app: FastAPI, client: httpx.AsyncClient, later: Later
) -> None:
    anna = await make_local(app)
    token = (await client.post(f"{OPS}/sessions", json=anna.body())).json()["refresh_token"]
    later.move(timedelta(hours=7, minutes=58))
    last = await client.post(f"{OPS}/sessions/refresh", json={"refresh_token": token})
    assert last.json()["expires_in"] <= 120, "no access token outlives the session"
    later.move(timedelta(minutes=3))
    answer = await client.post(f"{OPS}/sessions/refresh", json={"refresh_token": last.json()["refresh_token"]})
    assert code_of(answer) == (401, "OPERATOR_SESSION_ENDED")


async def test_b10_another_operator_revokes_a_session_at_once(app: FastAPI, client: httpx.AsyncClient, db: Db) -> None:
    anna, bob = await make_local(app), await make_local(app, "bob", LEDGER)
    lost = await client.post(f"{OPS}/sessions", json=bob.body())
    admin, theirs = bearer(await client.post(f"{OPS}/sessions", json=anna.body())), bearer(lost)
    path = f"{OPS}/sessions/{lost.json()['session_id']}"
    assert code_of(await client.delete(path, params={"reason": "自己"}, headers=theirs)) == (403, "FORBIDDEN")
    assert code_of(await client.delete(path, headers=admin)) == (422, "INVALID_REQUEST")
    assert [one["subject"] for one in (await client.get(f"{OPS}/sessions", headers=theirs)).json()["items"]] == [
        "local:bob"
    ]
    assert len((await client.get(f"{OPS}/sessions", headers=admin)).json()["items"]) == 2
    assert (await client.delete(path, params={"reason": "设备遗失"}, headers=admin)).status_code == 204
    assert code_of(await client.get(f"{OPS}/sessions", headers=theirs)) == (401, "OPERATOR_SESSION_ENDED")
    refresh = {"refresh_token": lost.json()["refresh_token"]}
    assert code_of(await client.post(f"{OPS}/sessions/refresh", json=refresh)) == (401, "OPERATOR_SESSION_ENDED")
    assert code_of(await client.delete(path, params={"reason": "再次"}, headers=admin)) == (
        404,
        "OPERATOR_SESSION_NOT_FOUND",
    )
    entry = await db.fetchrow(
        "SELECT subject, object, reason FROM accounts.audit_log WHERE action = 'operator_session.end'"
    )
    assert entry is not None
    assert tuple(entry) == ("local:anna", f"operator_session:{lost.json()['session_id']}", "设备遗失")
    shown = (await client.get(f"{OPS}/audit", headers=admin)).json()["items"]
    assert shown[0]["action"] == "operator_session.end"


async def test_b10_an_operator_logs_out_and_a_disabled_one_cannot_come_back(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    anna = await make_local(app)
    first = await client.post(f"{OPS}/sessions", json=anna.body(steps=-1))
    out = bearer(first)
    assert (await client.delete(f"{OPS}/sessions/current", headers=out)).status_code == 204
    refresh = {"refresh_token": first.json()["refresh_token"]}
    assert code_of(await client.post(f"{OPS}/sessions/refresh", json=refresh)) == (401, "OPERATOR_SESSION_ENDED")
    assert code_of(await client.get(f"{OPS}/sessions", headers=out)) == (401, "OPERATOR_SESSION_ENDED")
    again = await client.post(f"{OPS}/sessions", json=anna.body())
    async with app.state.db.transaction() as session:
        operator_id = await operator_accounts.set_disabled(session, subject="local:anna", disabled=True)
        assert operator_id is not None
        assert await operator_sessions.end_all(session, operator_id=operator_id, by="machine", reason="left") == 1
    assert code_of(await client.get(f"{OPS}/sessions", headers=bearer(again))) == (401, "OPERATOR_SESSION_ENDED")
    assert code_of(await client.post(f"{OPS}/sessions", json=anna.body(steps=1))) == (403, "OPERATOR_DISABLED")


async def test_b10_a_token_of_one_session_does_not_live_by_another(
    app: FastAPI, client: httpx.AsyncClient, tokens: TokenFactory
) -> None:
    anna = await make_local(app)
    session_id = (await client.post(f"{OPS}/sessions", json=anna.body())).json()["session_id"]
    for sid, subject in ((session_id, "local:bob"), (str(uuid.uuid4()), "local:anna")):
        forged = {"Authorization": f"Bearer {tokens.access(subject, 'ops:read', sid=sid)}"}
        assert code_of(await client.get(f"{OPS}/sessions", headers=forged)) == (401, "OPERATOR_SESSION_ENDED")
    broken = {"Authorization": f"Bearer {tokens.access('local:anna', 'ops:read', sid='x')}"}
    assert code_of(await client.get(f"{OPS}/sessions", headers=broken)) == (401, "UNAUTHENTICATED")


def test_b10_passwords_are_hashed_as_rfc_9106_recommends() -> None:
    hasher = PasswordHasher()
    assert (hasher.type, hasher.memory_cost, hasher.time_cost) == (Type.ID, 64 * 1024, 3)


def test_b10_every_scope_that_a_route_asks_for_is_given_by_a_role() -> None:
    sources = [path.read_text() for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py")]
    asked = {scope for text in sources for scope in re.findall(r'"(ops:[a-z]+)"', text)}
    assert len(asked) > 5
    assert asked == ROLES["programme-lead"] == {scope for scopes in ROLES.values() for scope in scopes}
    assert all("ops:read" in scopes for scopes in ROLES.values())
    documented = (ROOT / "docs/operators.md").read_text()
    assert all(f"`{name}`" in documented for name in (*ROLES, *asked))


async def test_b10_old_sessions_and_attempts_are_deleted(
    app: FastAPI, client: httpx.AsyncClient, db: Db, later: Later
) -> None:
    anna = await make_local(app)
    await client.post(f"{OPS}/sessions", json=anna.body(code="000000"))
    await client.post(f"{OPS}/sessions", json=anna.body())
    await client.post(f"{OPS}/sessions", json=anna.body(name="nobody"))
    later.move(operator_sessions.KEPT + timedelta(hours=9))
    async with app.state.db.transaction() as session:
        await purge(session)
    for table in ("operator_session", "operator_attempt"):
        assert await db.fetchval(f"SELECT count(*) FROM accounts.{table}") == 0


async def test_an_operator_is_disabled_at_once_by_one(
    client: httpx.AsyncClient, app: FastAPI, tokens: TokenFactory
) -> None:
    await make_local(app, "anna", ["ledger"])
    admin = tokens.operator("ops:operators", subject="local:admin")
    [listed] = (await client.get(f"{OPS}/operators", headers=admin)).json()
    assert (listed["subject"], listed["roles"], listed["disabled_at"]) == ("local:anna", ["ledger"], None)
    path = f"{OPS}/operators/local:anna/disable"
    assert (await client.post(path, json={"reason": "left"}, headers=tokens.operator("ops:read"))).status_code == 403
    assert (await client.post(path, json={"reason": "left"}, headers=admin)).status_code == 204
    [listed] = (await client.get(f"{OPS}/operators", headers=admin)).json()
    assert listed["disabled_at"] is not None
    unknown = await client.post(f"{OPS}/operators/local:nobody/disable", json={"reason": "left"}, headers=admin)
    assert code_of(unknown) == (404, "OPERATOR_NOT_FOUND")
