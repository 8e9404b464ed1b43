import asyncio
import hashlib
from datetime import timedelta

import httpx
import jwt
import pytest

from services.accounts.sessions import service as sessions
from shared import clock
from tests.accounts.conftest import BASE, Db, People, code_of
from tests.tokens import TokenFactory


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post(f"{BASE}/sessions/refresh", json={"refresh_token": token})


async def test_log_in_returns_tokens_and_the_same_user_each_time(client: httpx.AsyncClient) -> None:
    first = await client.post(f"{BASE}/sessions", json={"code": "dev:anna"})
    again = await client.post(f"{BASE}/sessions", json={"code": "dev:anna"})
    other = await client.post(f"{BASE}/sessions", json={"code": "dev:bert"})
    assert first.status_code == again.status_code == other.status_code == 201
    document = first.json()
    assert set(document) == {"access_token", "expires_in", "refresh_token", "user_id", "carbon_account", "erasure"}
    assert document["expires_in"] == 1800
    assert document["carbon_account"] is None
    assert again.json()["user_id"] == document["user_id"] != other.json()["user_id"]
    assert first.headers["cache-control"] == "no-store"


async def test_log_in_returns_the_opened_account(client: httpx.AsyncClient, people: People) -> None:
    anna = await people.new("anna")
    again = await client.post(f"{BASE}/sessions", json={"code": "dev:anna"})
    assert again.json()["carbon_account"] == anna.account


async def test_concurrent_first_log_ins_create_one_user(client: httpx.AsyncClient, db: Db) -> None:
    answers = await asyncio.gather(*[client.post(f"{BASE}/sessions", json={"code": "dev:anna"}) for _ in range(4)])
    assert len({answer.json()["user_id"] for answer in answers}) == 1
    assert await db.fetchval("SELECT count(*) FROM accounts.app_user") == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("dev-error:40029", (401, "WX_CODE_INVALID")),
        ("dev-error:40163", (401, "WX_CODE_INVALID")),
        ("anything", (401, "WX_CODE_INVALID")),
        ("dev-phone:13800138000", (401, "WX_CODE_INVALID")),
        ("dev-error:45011", (429, "WX_RATE_LIMITED")),
        ("dev-error:40226", (403, "WX_USER_BLOCKED")),
        ("dev-error:-1", (503, "WX_UNAVAILABLE")),
        ("dev-error:40125", (503, "WX_UNAVAILABLE")),
    ],
)
async def test_refusals_of_wechat_for_a_log_in_code_become_our_codes(
    client: httpx.AsyncClient, code: str, expected: tuple[int, str]
) -> None:
    answer = await client.post(f"{BASE}/sessions", json={"code": code})
    assert code_of(answer) == expected
    assert ("retry-after" in answer.headers) == (expected[0] in {429, 503})


@pytest.mark.parametrize("body", [{}, {"code": ""}, {"code": "x" * 129}, {"code": 5}, {"code": "a", "openid": "b"}])
async def test_a_malformed_log_in_request_is_refused(client: httpx.AsyncClient, body: dict[str, object]) -> None:
    assert code_of(await client.post(f"{BASE}/sessions", json=body)) == (422, "INVALID_REQUEST")


async def test_access_token_has_the_documented_shape(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory
) -> None:
    anna = await people.new("anna")
    encoded = anna.headers["Authorization"].removeprefix("Bearer ")
    jwks = (await client.get(f"{BASE}/.well-known/jwks.json")).json()
    assert jwks == tokens.jwks()
    header = jwt.get_unverified_header(encoded)
    assert header == {"alg": "EdDSA", "typ": "at+jwt", "kid": tokens.key_id}
    claims = jwt.decode(
        encoded,
        jwt.PyJWKSet.from_dict(jwks).keys[0],
        algorithms=["EdDSA"],
        audience="carbon-api",
        issuer="carbon-inclusion",
    )
    assert set(claims) == {"iss", "sub", "aud", "iat", "exp", "jti", "scope"}
    assert claims["scope"] == "citizen"
    assert claims["sub"] == str(anna.user_id)
    assert claims["exp"] - claims["iat"] == 1800


async def test_each_refresh_returns_a_new_refresh_token(client: httpx.AsyncClient, people: People, db: Db) -> None:
    anna = await people.new("anna")
    second = await refresh(client, anna.refresh_token)
    third = await refresh(client, second.json()["refresh_token"])
    assert second.status_code == third.status_code == 200
    assert len({anna.refresh_token, second.json()["refresh_token"], third.json()["refresh_token"]}) == 3
    headers = {"Authorization": f"Bearer {third.json()['access_token']}"}
    assert (await client.get(f"{BASE}/me", headers=headers)).status_code == 200
    hashes = {row["token_sha256"] for row in await db.fetch("SELECT token_sha256 FROM accounts.refresh_token")}
    assert hashlib.sha256(anna.refresh_token.encode()).digest() in hashes
    assert len(hashes) == 3


async def test_unknown_and_expired_refresh_tokens_are_refused(
    client: httpx.AsyncClient, people: People, db: Db
) -> None:
    assert code_of(await refresh(client, "cir_" + "x" * 43)) == (401, "REFRESH_TOKEN_INVALID")
    anna = await people.new("anna")
    await db.execute("UPDATE accounts.refresh_token SET expires_at = $1", clock.now() - timedelta(seconds=1))
    assert code_of(await refresh(client, anna.refresh_token)) == (401, "REFRESH_TOKEN_INVALID")
    bert = await people.new("bert")
    await db.execute("UPDATE accounts.login_session SET expires_at = $1", clock.now() - timedelta(seconds=1))
    assert code_of(await refresh(client, bert.refresh_token)) == (401, "REFRESH_TOKEN_INVALID")


async def test_log_out_revokes_this_session_only(client: httpx.AsyncClient, people: People) -> None:
    phone, tablet = await people.new("anna"), await people.new("anna")
    assert (await phone.call("DELETE", "/sessions/current")).status_code == 204
    assert (await phone.call("DELETE", "/sessions/current")).status_code == 204
    assert code_of(await refresh(client, phone.refresh_token)) == (401, "REFRESH_TOKEN_INVALID")
    assert (await refresh(client, tablet.refresh_token)).status_code == 200


async def test_a_forged_token_id_cannot_revoke_another_persons_session(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory
) -> None:
    anna, bert = await people.new("anna"), await people.new("bert")
    claims = jwt.decode(anna.headers["Authorization"].removeprefix("Bearer "), options={"verify_signature": False})
    forged = {"Authorization": f"Bearer {tokens.access(bert.user_id, jti=claims['jti'])}"}
    assert (await client.delete(f"{BASE}/sessions/current", headers=forged)).status_code == 204
    assert (await refresh(client, anna.refresh_token)).status_code == 200


async def test_the_oldest_session_is_revoked_above_the_limit(client: httpx.AsyncClient, people: People) -> None:
    logins = [await people.new("anna", with_account=False) for _ in range(sessions.SESSIONS_PER_USER_MAX + 1)]
    assert code_of(await refresh(client, logins[0].refresh_token)) == (401, "REFRESH_TOKEN_INVALID")
    assert (await refresh(client, logins[1].refresh_token)).status_code == 200
