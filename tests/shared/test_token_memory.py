"""The signature of a token is verified once and remembered until the token expires or its key changes."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared import clock
from shared.auth import tokens
from shared.errors import Unauthenticated
from shared.settings import ServiceSettings
from tests.tokens import TokenFactory


class Published:
    """The platform's key server: the keys that it publishes, and whether it answers."""

    def __init__(self) -> None:
        self.factories = [TokenFactory(Ed25519PrivateKey.generate())]
        self.away = False

    def answer(self, _request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("planted")
        return httpx.Response(200, json={"keys": [key for one in self.factories for key in one.jwks()["keys"]]})


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
async def verifier(published: Published, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tokens.TokenVerifier]:
    monkeypatch.setattr(tokens, "_JWKS_MIN_INTERVAL_S", 0)
    settings = ServiceSettings(
        database_url="postgresql://nobody@127.0.0.1:9/none",
        event_log_url="postgresql://nobody@127.0.0.1:9/none",
        jwks_url="http://keys.invalid/jwks",
    )
    verifier = tokens.TokenVerifier(settings, transport=httpx.MockTransport(published.answer))
    yield verifier
    await verifier.stop()


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signature was verified, in order."""
    seen: list[str] = []
    decode = jwt.decode

    def counted(token: str, *arguments: Any, **options: Any) -> Any:
        seen.append(token)
        return decode(token, *arguments, **options)

    monkeypatch.setattr(jwt, "decode", counted)
    return seen


async def test_a_signature_is_verified_once(
    published: Published, verifier: tokens.TokenVerifier, checks: list[str]
) -> None:
    user = uuid.uuid4()
    token = published.factories[0].access(user)
    found = [await verifier.access_claims(token) for _ in range(3)]
    assert [claims["sub"] for claims in found] == [str(user)] * 3
    assert checks == [token]


async def test_a_token_with_a_changed_letter_is_verified_again(
    published: Published, verifier: tokens.TokenVerifier
) -> None:
    token = published.factories[0].access(uuid.uuid4())
    await verifier.access_claims(token)
    head, payload, signature = token.split(".")
    changed = f"{head}.{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            await verifier.access_claims(changed)


async def test_a_remembered_token_ends_at_its_expiry(
    published: Published, verifier: tokens.TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_CLOCK_LEEWAY_S", 0)
    token = published.factories[0].access(uuid.uuid4(), exp=clock.now() + timedelta(seconds=2))
    await verifier.access_claims(token)
    await asyncio.sleep(2.1)
    with pytest.raises(Unauthenticated):
        await verifier.access_claims(token)


async def test_a_remembered_token_ends_when_its_key_is_withdrawn(
    published: Published, verifier: tokens.TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_JWKS_MAX_AGE_S", 0)
    old = published.factories[0]
    token = old.access(uuid.uuid4())
    await verifier.access_claims(token)
    published.factories = [TokenFactory(Ed25519PrivateKey.generate())]
    with pytest.raises(Unauthenticated):
        await verifier.access_claims(token)
    published.factories = [old]
    await verifier.access_claims(token)


async def test_a_new_key_under_the_same_id_invalidates_remembered_tokens(
    published: Published, verifier: tokens.TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "_JWKS_MAX_AGE_S", 0)
    first, second = published.factories[0], TokenFactory(Ed25519PrivateKey.generate())
    token = first.access(uuid.uuid4())
    await verifier.access_claims(token)
    second.key_id = first.key_id
    published.factories = [second]
    with pytest.raises(Unauthenticated):
        await verifier.access_claims(token)


async def test_tokens_are_accepted_while_the_key_server_is_unavailable(
    published: Published, verifier: tokens.TokenVerifier, monkeypatch: pytest.MonkeyPatch, checks: list[str]
) -> None:
    monkeypatch.setattr(tokens, "_JWKS_MAX_AGE_S", 0)
    token = published.factories[0].access(uuid.uuid4())
    await verifier.access_claims(token)
    published.away = True
    await verifier.access_claims(token)
    assert checks == [token]


async def test_the_number_of_remembered_tokens_is_limited(
    published: Published, verifier: tokens.TokenVerifier, monkeypatch: pytest.MonkeyPatch, checks: list[str]
) -> None:
    monkeypatch.setattr(tokens, "REMEMBERED_TOKENS_MAX", 2)
    first, *others = [published.factories[0].access(uuid.uuid4()) for _ in range(4)]
    for token in (first, *others, others[-1], first):
        await verifier.access_claims(token)
    assert checks == [first, *others, first]
