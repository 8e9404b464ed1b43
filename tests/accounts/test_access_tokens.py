"""Attacks on access tokens from RFC 8725: every invalid token is a 401."""

import base64
import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Callable
from datetime import timedelta

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared import clock
from tests.accounts.conftest import BASE, People, code_of
from tests.tokens import TokenFactory, service_token

# Whoever logs in has no token yet.
LOG_INS_OF_OPERATORS = {("post", f"{BASE}/ops/{path}") for path in ("log-ins", "sessions", "sessions/refresh")}
Forge = Callable[[TokenFactory, uuid.UUID], str]


def _hs256_with_the_public_key(tokens: TokenFactory, user: uuid.UUID) -> str:
    """Sign by hand, because the library refuses to use a public key as an HMAC secret. An attacker does not refuse."""

    def part(document: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    claims = jwt.decode(tokens.access(user), options={"verify_signature": False})
    signed = part({"typ": "at+jwt", "alg": "HS256", "kid": tokens.key_id}) + "." + part(claims)
    pem = tokens.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signature = hmac.new(pem, signed.encode(), hashlib.sha256).digest()
    return signed + "." + base64.urlsafe_b64encode(signature).decode().rstrip("=")


def _by_a_strangers_key(tokens: TokenFactory, user: uuid.UUID) -> str:
    stranger = TokenFactory(Ed25519PrivateKey.generate())
    return stranger.access(user, header={"kid": tokens.key_id})


def _with_embedded_key(tokens: TokenFactory, user: uuid.UUID) -> str:
    stranger = TokenFactory(Ed25519PrivateKey.generate())
    return stranger.access(user, header={"jwk": stranger.jwks()["keys"][0]})


def _service_token(_tokens: TokenFactory, _user: uuid.UUID) -> str:
    return service_token("rewards", "accounts")


FORGERIES: dict[str, Forge] = {
    "alg none": lambda tokens, user: tokens.unsigned(user),
    "HS256 with the public key": _hs256_with_the_public_key,
    "another key under our id": _by_a_strangers_key,
    "key in the header": _with_embedded_key,
    "service token": _service_token,
    "wrong audience": lambda tokens, user: tokens.access(user, aud=["another-api"]),
    "no audience": lambda tokens, user: tokens.access(user, aud=None),
    "wrong issuer": lambda tokens, user: tokens.access(user, iss="somebody"),
    "wrong type": lambda tokens, user: tokens.access(user, header={"typ": "JWT"}),
    "unknown key id": lambda tokens, user: tokens.access(user, header={"kid": "0123456789abcdef"}),
    "expired": lambda tokens, user: tokens.access(user, exp=clock.now() - timedelta(seconds=30)),
    "no expiry": lambda tokens, user: tokens.access(user, exp=None),
    "issued in the future": lambda tokens, user: tokens.access(user, iat=clock.now() + timedelta(minutes=5)),
    "no subject": lambda tokens, user: tokens.access(user, sub=None),
    "subject is no id": lambda tokens, _user: tokens.access("somebody"),
    "user that does not exist": lambda tokens, _user: tokens.access(uuid.uuid4()),
    "changed payload": lambda tokens, user: _with_other_subject(tokens.access(user)),
    "nonsense": lambda _tokens, _user: "a.b.c",
    "too long": lambda tokens, user: tokens.access(user) + "A" * 5000,
}


def _with_other_subject(token: str) -> str:
    header, payload, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["sub"] = str(uuid.uuid4())
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{header}.{changed}.{signature}"


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_refused(
    name: str, client: httpx.AsyncClient, people: People, tokens: TokenFactory
) -> None:
    anna = await people.new("anna", with_account=False)
    headers = {"Authorization": f"Bearer {FORGERIES[name](tokens, anna.user_id)}"}
    assert code_of(await client.get(f"{BASE}/me", headers=headers)) == (401, "UNAUTHENTICATED")


async def test_a_genuine_token_is_accepted(client: httpx.AsyncClient, people: People, tokens: TokenFactory) -> None:
    anna = await people.new("anna", with_account=False)
    assert (await client.get(f"{BASE}/me", headers=tokens.citizen(anna.user_id))).status_code == 200


async def test_a_missing_token_is_a_401_and_a_missing_scope_a_403(
    client: httpx.AsyncClient, people: People, tokens: TokenFactory
) -> None:
    assert code_of(await client.get(f"{BASE}/me")) == (401, "UNAUTHENTICATED")
    anna = await people.new("anna", with_account=False)
    headers = {"Authorization": f"Bearer {tokens.access(anna.user_id, 'ops:read')}"}
    assert code_of(await client.get(f"{BASE}/me", headers=headers)) == (403, "FORBIDDEN")


async def test_every_personal_route_requires_a_token(client: httpx.AsyncClient) -> None:
    document = (await client.get(f"{BASE}/openapi.json")).json()
    asked = 0
    for path, operations in document["paths"].items():
        if "/me" not in path and "/ops" not in path and "/current" not in path and "/partner" not in path:
            continue
        for method in operations:
            if (method, path) in LOG_INS_OF_OPERATORS:
                continue
            concrete = path.replace("{account_no}", "WH000000000000")
            concrete = re.sub(r"\{(binding|session)_id\}", str(uuid.uuid4()), concrete)
            params = {"purpose": "messages"} if (method, path) == ("delete", f"{BASE}/me/consents") else {}
            answer = await client.request(method, concrete, params=params, json=None)
            assert answer.status_code == 401, (method, path, answer.text)
            asked += 1
    assert asked >= 13
