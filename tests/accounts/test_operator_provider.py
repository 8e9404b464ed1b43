"""Operators log in by OpenID Connect: authorization code with PKCE, state and nonce, against a provider that checks."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI

from deploy.local import fake_oidc
from deploy.local.fake_oidc import FakeProvider
from services.accounts.settings import Settings
from tests.accounts.conftest import Db, code_of
from tests.accounts.operators import (
    CLIENT,
    ISSUER,
    OPS,
    USERS,
    bearer,
    browse,
    finish_body,
    log_in_by_provider,
    make_local,
    make_provider,
    provider_of,
    start,
)


@pytest.fixture
def fake() -> FakeProvider:
    return make_provider()


@pytest.fixture
async def provider(
    app: FastAPI, settings: Settings, fake: FakeProvider, fresh: None
) -> AsyncIterator[httpx.AsyncClient]:
    async with provider_of(app, settings, fake) as browser:
        yield browser


async def test_b10_an_operator_logs_in_by_the_provider(
    client: httpx.AsyncClient, provider: httpx.AsyncClient, db: Db
) -> None:
    started = await start(client)
    assert started.asked["code_challenge_method"] == "S256"
    assert {"state", "nonce", "code_challenge"} <= started.asked.keys()
    # What the browser's address shows gives away neither verifier nor nonce of another log-in.
    assert len({started.secret, started.state, started.asked["nonce"], started.asked["code_challenge"]}) == 4
    back = await browse(provider, started.asked, "li")
    answer = await client.post(f"{OPS}/sessions", json=finish_body(started, back))
    assert answer.status_code == 201, answer.text
    assert (answer.json()["subject"], answer.json()["roles"]) == ("li", ["ledger"])
    mine = (await client.get(f"{OPS}/sessions", headers=bearer(answer))).json()["items"]
    assert [one["method"] for one in mine] == ["oidc"]
    again = await log_in_by_provider(client, provider, "li")
    assert again.json()["subject"] == "li"
    assert await db.fetchval("SELECT count(*) FROM accounts.operator_account") == 1, "one person, however often"


async def test_b10_code_and_state_work_once(client: httpx.AsyncClient, provider: httpx.AsyncClient) -> None:
    started = await start(client)
    body = finish_body(started, await browse(provider, started.asked, "wang"))
    answers = await asyncio.gather(*(client.post(f"{OPS}/sessions", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 401, 401, 401]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 401} == {"LOG_IN_UNKNOWN"}


async def test_b10_a_stolen_code_is_worth_nothing_in_another_log_in(
    client: httpx.AsyncClient, provider: httpx.AsyncClient
) -> None:
    """Code injection: the code of one log-in under the state of another fails at the PKCE verifier."""
    victims, attackers = await start(client), await start(client)
    stolen = await browse(provider, victims.asked, "wang")
    swapped = finish_body(attackers, {**stolen, "state": attackers.state})
    assert code_of(await client.post(f"{OPS}/sessions", json=swapped)) == (401, "IDENTITY_REFUSED")
    # The whole redirect without the secret that the victim's console keeps.
    whole = finish_body(attackers, await browse(provider, victims.asked, "wang"))
    assert code_of(await client.post(f"{OPS}/sessions", json=whole)) == (401, "LOG_IN_UNKNOWN")


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("another nonce", {"nonce": "of-another-log-in"}),
        ("no nonce", {"nonce": None}),
        ("another audience", {"aud": "another-client"}),
        ("another party", {"aud": [CLIENT.client_id, "x"], "azp": "x"}),
        ("several audiences without a party", {"aud": [CLIENT.client_id, "x"]}),
        ("another issuer", {"iss": "http://evil.test"}),
        ("expired", {"exp": 1_700_000_000}),
        ("no subject", {"sub": None}),
        ("a subject with a space", {"sub": "wang "}),
        ("a subject that is no text", {"sub": 7}),
    ],
)
async def test_b10_an_id_token_for_somebody_else_is_refused(
    client: httpx.AsyncClient,
    provider: httpx.AsyncClient,
    fake: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    claims: dict[str, Any],
) -> None:
    sign = fake.id_token

    def other(user: fake_oidc.User, nonce: str) -> str:
        token = jwt.decode(sign(user, nonce), options={"verify_signature": False})
        kept = {key: value for key, value in {**token, **claims}.items() if value is not None}
        return jwt.encode(kept, fake._key, algorithm="RS256", headers={"kid": fake._key_id})

    monkeypatch.setattr(fake, "id_token", other)
    answer = await log_in_by_provider(client, provider, "wang")
    assert code_of(answer) == (401, "IDENTITY_REFUSED"), name


async def test_b10_an_id_token_with_another_signature_is_refused(
    client: httpx.AsyncClient, provider: httpx.AsyncClient, fake: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = {"iss": ISSUER, "aud": CLIENT.client_id, "sub": "wang", "iat": 1, "exp": 4_000_000_000}
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = fake._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    signers: dict[str, tuple[Any, str, str]] = {
        "stranger's key": (stranger, "RS256", fake._key_id),
        "unknown key": (stranger, "RS256", "unknown"),
        # The library refuses a public key as a secret. The algorithm alone is enough to be refused.
        "a shared secret": (public.hex(), "HS256", fake._key_id),
        "none": (None, "none", fake._key_id),
    }
    for name, (key, algorithm, key_id) in signers.items():

        def other(_user: object, nonce: str, how: tuple[Any, str, str] = (key, algorithm, key_id)) -> str:
            return jwt.encode({**claims, "nonce": nonce}, how[0], algorithm=how[1], headers={"kid": how[2]})

        monkeypatch.setattr(fake, "id_token", other)
        assert code_of(await log_in_by_provider(client, provider, "wang")) == (401, "IDENTITY_REFUSED"), name


async def test_b10_a_rotated_key_of_the_provider_is_fetched(
    app: FastAPI,
    client: httpx.AsyncClient,
    provider: httpx.AsyncClient,
    fake: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (await log_in_by_provider(client, provider, "wang")).status_code == 201
    fake._key, fake._key_id = rsa.generate_private_key(public_exponent=65537, key_size=2048), "next"
    monkeypatch.setattr(app.state.resources.identity_provider, "_keys_at", 0.0)
    assert (await log_in_by_provider(client, provider, "wang")).status_code == 201


async def test_b10_a_provider_that_answers_for_another_is_refused(
    client: httpx.AsyncClient, provider: httpx.AsyncClient
) -> None:
    """Mix-up (RFC 9207): the redirect names its issuer, and it must be ours."""
    for iss in ({"iss": "http://evil.test"}, {}):
        started = await start(client)
        back = await browse(provider, started.asked, "wang")
        del back["iss"]
        answer = await client.post(f"{OPS}/sessions", json=finish_body(started, {**back, **iss}))
        assert code_of(answer) == (401, "IDENTITY_REFUSED")


async def test_b10_without_a_role_nobody_gets_in(
    client: httpx.AsyncClient, provider: httpx.AsyncClient, db: Db
) -> None:
    assert code_of(await log_in_by_provider(client, provider, "guest")) == (403, "OPERATOR_WITHOUT_ROLE")
    assert await db.fetchval("SELECT count(*) FROM accounts.operator_session") == 0


async def test_b10_one_person_cannot_be_two(
    app: FastAPI, client: httpx.AsyncClient, provider: httpx.AsyncClient, db: Db
) -> None:
    """Four eyes: no second identity by a local account, by the subject of one, or by another issuer."""
    anna = await make_local(app)
    assert code_of(await client.post(f"{OPS}/sessions", json=anna.body())) == (409, "LOCAL_LOG_IN_OFF")
    assert code_of(await log_in_by_provider(client, provider, "local:anna")) == (409, "OPERATOR_ELSEWHERE")
    assert (await log_in_by_provider(client, provider, "wang")).status_code == 201
    await db.execute("UPDATE accounts.operator_account SET issuer = 'http://former.test' WHERE subject = 'wang'")
    assert code_of(await log_in_by_provider(client, provider, "wang")) == (409, "OPERATOR_ELSEWHERE")


async def test_b10_without_a_provider_there_is_no_log_in_at_one(client: httpx.AsyncClient) -> None:
    assert code_of(await client.post(f"{OPS}/log-ins")) == (409, "PROVIDER_LOG_IN_OFF")


@pytest.mark.parametrize("broken", ["metadata", "jwks", "redeem"])
async def test_b10_a_broken_provider_is_a_503(
    client: httpx.AsyncClient,
    provider: httpx.AsyncClient,
    fake: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    good = getattr(fake, broken)
    answers: dict[str, dict[str, Any]] = {
        "metadata": {**fake.metadata(), "issuer": f"{ISSUER}/"},
        "jwks": {"keys": []},
        "redeem": {"access_token": "no id token"},
    }
    monkeypatch.setattr(fake, broken, lambda *_: answers[broken])
    if broken == "metadata":
        answer = await client.post(f"{OPS}/log-ins")
    else:
        answer = await log_in_by_provider(client, provider, "wang")
    assert code_of(answer) == (503, "IDENTITY_PROVIDER_UNAVAILABLE")
    assert answer.headers["retry-after"]
    monkeypatch.setattr(fake, broken, good)
    assert (await log_in_by_provider(client, provider, "wang")).status_code == 201


async def test_b10_a_provider_that_hangs_does_not_hold_up_who_is_logged_in(
    app: FastAPI, client: httpx.AsyncClient, provider: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await log_in_by_provider(client, provider, "wang")).json()["refresh_token"]
    hangs = asyncio.Event()

    async def hang(**_: str) -> str:
        await hangs.wait()
        return ISSUER

    monkeypatch.setattr(app.state.resources.identity_provider, "authorization_url", hang)
    stuck = [
        asyncio.create_task(client.post(f"{OPS}/log-ins", headers={"x-envoy-external-address": f"203.0.113.{number}"}))
        for number in range(8)
    ]
    await asyncio.sleep(0.2)
    async with asyncio.timeout(5):
        answer = await client.post(f"{OPS}/sessions/refresh", json={"refresh_token": token})
    assert answer.status_code == 200
    hangs.set()
    assert {answer.status_code for answer in await asyncio.gather(*stuck)} == {201}


async def test_the_fake_provider_refuses_what_a_real_one_refuses(
    client: httpx.AsyncClient, provider: httpx.AsyncClient
) -> None:
    asked = (await start(client)).asked
    for wrong in ({"redirect_uri": "http://evil.test"}, {"client_id": "x"}, {"code_challenge_method": "plain"}):
        assert (await provider.get("/authorize", params={**asked, **wrong})).status_code == 400
    form = {**asked, "sub": "wang", "password": "wrong"}
    assert (await provider.post("/authorize", data=form)).status_code == 401
    assert (await provider.get("/authorize", params={**asked, "state": '"><script>'})).text.count("<script>") == 0
    code = (await browse(provider, asked, "wang"))["code"]
    right = {"grant_type": "authorization_code", "code": code, "redirect_uri": asked["redirect_uri"]}
    assert (await provider.post("/token", data=right)).status_code == 401
    login = httpx.BasicAuth(CLIENT.client_id, CLIENT.secret)
    assert (await provider.post("/token", data={**right, "code_verifier": "x"}, auth=login)).status_code == 400
    assert USERS["wang"].password not in (await provider.get("/callback", params={"code": code})).text
