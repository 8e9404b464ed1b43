"""Every route of the four services × every wrong token: 401 and 403. The list of routes is the applications' own.

Called directly: each service verifies tokens itself and does not rely on the gateway.
"""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from datetime import timedelta

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from shared import clock
from tests.contract.personal_data_page import SERVICES
from tests.privacy.city import Citizen, City
from tests.privacy.routes import Operation, internal_routes, operations_of, undeclared_routes
from tests.tokens import ALL_OPS, TokenFactory, service_token

# Probes and the document: outside OpenAPI, and nothing in them is anybody's.
PUBLIC = frozenset({"/healthz", "/readyz", "/metrics", *(f"/api/v1/{service}/openapi.json" for service in SERVICES)})
EVERY_SCOPE = f"{ALL_OPS} ops:operators ops:accounts ops:reports ops:issuance ops:market"
Forge = Callable[[TokenFactory, str, str], str]


def _hs256(tokens: TokenFactory, subject: str, scope: str) -> str:
    """HMAC with our public key as its secret."""

    def part(document: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    claims = jwt.decode(tokens.access(subject, scope), options={"verify_signature": False})
    signed = part({"typ": "at+jwt", "alg": "HS256", "kid": tokens.key_id}) + "." + part(claims)
    pem = tokens.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return signed + "." + base64.urlsafe_b64encode(hmac.new(pem, signed.encode(), hashlib.sha256).digest()).decode()


def _none(tokens: TokenFactory, subject: str, scope: str) -> str:
    header = json.dumps({"typ": "at+jwt", "alg": "none", "kid": tokens.key_id}).encode()
    payload = tokens.access(subject, scope).split(".")[1]
    return f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.{payload}."


# A token that would be right but for one thing.
WRONG: dict[str, Forge] = {
    "garbage": lambda _tokens, _subject, _scope: "a.b.c",
    "expired": lambda t, subject, scope: t.access(subject, scope, exp=clock.now() - timedelta(seconds=30)),
    "wrong audience": lambda t, subject, scope: t.access(subject, scope, aud=["another-api"]),
    "wrong issuer": lambda t, subject, scope: t.access(subject, scope, iss="somebody"),
    "alg none": _none,
    "HS256 with the public key": _hs256,
    "unknown key id": lambda t, subject, scope: t.access(subject, scope, header={"kid": "0123456789abcdef"}),
    "a stranger's key": lambda t, subject, scope: TokenFactory(Ed25519PrivateKey.generate()).access(
        subject, scope, header={"kid": t.key_id}
    ),
    "no expiry": lambda t, subject, scope: t.access(subject, scope, exp=None),
    "wrong type": lambda t, subject, scope: t.access(subject, scope, header={"typ": "JWT"}),
    "a service's token": lambda _tokens, _subject, _scope: service_token("rewards", "accounting"),
}


@pytest.fixture
def operations(city: City) -> list[Operation]:
    return [one for service in SERVICES for one in operations_of(service, city.apps[service])]


async def call(city: City, one: Operation, token: str | None) -> httpx.Response:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return await city.http[one.service].request(
        one.method.upper(), one.filled({}), headers=headers, json=one.body, params=dict(one.query)
    )


def test_every_route_is_declared(city: City) -> None:
    for service in SERVICES:
        assert undeclared_routes(service, city.apps[service], PUBLIC) == []


def test_planted_routes_are_found(city: City) -> None:
    async def planted() -> None: ...

    app = city.apps["rewards"]
    app.add_api_route("/api/v1/rewards/planted", planted, include_in_schema=False)
    try:
        assert undeclared_routes("rewards", app, PUBLIC) == ["GET /api/v1/rewards/planted"]
    finally:
        app.router.routes.pop()


async def test_every_wrong_token_is_a_401(city: City, operations: list[Operation]) -> None:
    asked, wrong = 0, []
    for one in operations:
        if one.requires not in {"citizen", "operator"}:
            continue
        subject = str(uuid.uuid4()) if one.requires == "citizen" else "operator-1"
        scope = "citizen" if one.requires == "citizen" else EVERY_SCOPE
        for name, forge in [("no token", None), *WRONG.items()]:
            token = None if forge is None else forge(city.tokens, subject, scope)
            answer = await call(city, one, token)
            asked += 1
            if (answer.status_code, answer.json().get("code")) != (401, "UNAUTHENTICATED"):
                wrong.append(f"{one} {name}: {answer.status_code} {answer.text[:100]}")
    assert wrong == []
    assert asked > 100 * len(WRONG)


async def test_the_wrong_kind_of_person_is_a_403(city: City, operations: list[Operation]) -> None:
    wrong = []
    for one in operations:
        tokens: list[str] = []
        if one.requires == "citizen":
            tokens = [city.tokens.access("operator-1", EVERY_SCOPE)]
        elif one.requires == "operator":
            others = " ".join(scope for scope in EVERY_SCOPE.split() if scope not in one.scopes)
            tokens = [city.tokens.access(uuid.uuid4())]
            if one.scopes:
                tokens.append(city.tokens.access("operator-1", others))
        for token in tokens:
            answer = await call(city, one, token)
            if (answer.status_code, answer.json().get("code")) != (403, "FORBIDDEN"):
                wrong.append(f"{one}: {answer.status_code} {answer.text[:100]}")
    assert wrong == []


async def test_internal_routes_take_only_the_callers_that_they_list(city: City) -> None:
    asked = 0
    for service in SERVICES:
        for method, path in internal_routes(service, city.apps[service]):
            filled = path.replace("{", "").replace("}", "")
            for name in ("account_id", "hold_id"):
                filled = filled.replace(name, str(uuid.uuid4()))
            for token in (None, "a.b.c", city.tokens.access(uuid.uuid4()), city.tokens.access("op", EVERY_SCOPE)):
                headers = {} if token is None else {"Authorization": f"Bearer {token}"}
                answer = await city.http[service].request(method, filled, headers=headers, json={})
                assert answer.status_code == 401, (method, path, answer.text)
                asked += 1
            answers = {
                caller: await city.http[service].request(
                    method, filled, json={}, headers={"Authorization": f"Bearer {service_token(caller, service)}"}
                )
                for caller in ("accounts", "rewards")
            }
            assert 403 in {answer.status_code for answer in answers.values()}, (method, path)
    assert asked >= 40


async def _ended_session(city: City) -> Citizen:
    anna = await city.citizen("logged-out")
    assert (await anna.call("accounts", "DELETE", "/sessions/current")).status_code == 204
    return anna


async def test_an_ended_session_changes_and_spends_nothing(city: City, operations: list[Operation]) -> None:
    """Reads go on until the token expires. What may still be changed with it is listed here, with its reason."""
    anna = await _ended_session(city)
    token = anna.headers["Authorization"].removeprefix("Bearer ")
    allowed = {
        "DELETE /api/v1/accounts/sessions/current",  # ends it
        "POST /api/v1/accounting/me/claims",  # gives grams, takes none: the account is the token's own
        "POST /api/v1/rewards/orders/{order_id}/cancel",  # gives back what was spent
    }
    changed = set()
    for one in operations:
        if one.requires != "citizen" or one.method == "get":
            continue
        answer = await call(city, one, token)
        if (answer.status_code, answer.json().get("code") if answer.content else None) != (401, "SESSION_ENDED"):
            changed.add(str(one))
    assert changed <= allowed, changed - allowed
