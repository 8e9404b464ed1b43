"""Keys of calling services (B7) and query parameters (C12) on the framework of every service."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Annotated

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from fastapi import APIRouter, Depends, Query
from pydantic import ValidationError

from shared import clock
from shared.app import build_app
from shared.auth.tokens import ServiceTokens, require_service
from shared.pagination import LIMIT_DEFAULT, Cursor, Limit
from shared.query_parameters import accept_any_parameters
from shared.settings import ServiceSettings, public_keys
from tests.tokens import SERVICE_CALLERS, SERVICE_KEYS, service_token

router = APIRouter()


@router.get("/internal/sample/by-rewards")
async def by_rewards(caller: Annotated[str, Depends(require_service("sample", callers={"rewards"}))]) -> str:
    return caller


@router.get("/internal/sample/by-both")
async def by_both(caller: Annotated[str, Depends(require_service("sample", callers={"rewards", "accounts"}))]) -> str:
    return caller


@router.get("/api/v1/sample/list")
async def listed(
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
    kind: Annotated[str, Query(alias="as")] = "",
    tag: Annotated[list[str] | None, Query()] = None,
) -> dict[str, object]:
    return {"cursor": cursor, "limit": limit, "as": kind, "tag": tag}


@router.post("/api/v1/sample/signed")
async def signed(_any: Annotated[None, Depends(accept_any_parameters)], dry_run: bool = False) -> dict[str, bool]:
    return {"dry_run": dry_run}


@pytest.fixture
async def client(plumbing_settings: ServiceSettings) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(service="sample", settings=plumbing_settings, routers=[router], title_zh="样例", title_en="Sample")
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sample.test") as found,
    ):
        yield found


async def asked(client: httpx.AsyncClient, path: str, token: str) -> tuple[int, object]:
    answer = await client.get(path, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json() if answer.is_success else answer.json()["code"]


async def test_b7_each_route_lists_its_callers(client: httpx.AsyncClient) -> None:
    rewards, accounts = service_token("rewards", "sample"), service_token("accounts", "sample")
    assert await asked(client, "/internal/sample/by-rewards", rewards) == (200, "rewards")
    assert await asked(client, "/internal/sample/by-rewards", accounts) == (403, "FORBIDDEN")
    assert await asked(client, "/internal/sample/by-both", accounts) == (200, "accounts")


async def test_b7_a_service_cannot_sign_as_another(client: httpx.AsyncClient) -> None:
    unknown = Ed25519PrivateKey.generate()
    now = clock.now()
    claims = {"iss": "rewards", "aud": "sample", "iat": now, "exp": now + timedelta(seconds=60), "jti": "1"}
    good_header = jwt.get_unverified_header(service_token("rewards", "sample"))
    tokens = [
        service_token("rewards", "sample", key_of="accounts"),
        service_token("rewards", "accounting"),
        jwt.encode(claims, unknown, algorithm="EdDSA", headers=good_header),
        jwt.encode(claims, "x" * 48, algorithm="HS256", headers={"typ": "svc+jwt", "kid": good_header["kid"]}),
        ServiceTokens(SERVICE_KEYS["rewards"], "nobody-such").issue("sample"),
        ServiceTokens(SERVICE_KEYS["rewards"], "").issue("sample"),
    ]
    for token in tokens:
        assert await asked(client, "/internal/sample/by-both", token) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "change",
    [
        {"exp": timedelta(seconds=61)},
        {"exp": timedelta(seconds=-30)},
        {"iat": timedelta(seconds=30)},
        {"jti": None},
        {"iss": None},
        {"aud": None},
        {"iss": ["rewards"]},
        {"aud": ["accounting", "ingest"]},
    ],
)
async def test_b7_a_token_lives_a_minute_and_names_caller_and_audience(
    client: httpx.AsyncClient, change: dict[str, object]
) -> None:
    now = clock.now()
    good = service_token("rewards", "sample")
    claims: dict[str, object] = {
        "iss": "rewards", "aud": "sample", "iat": now, "exp": now + timedelta(seconds=60), "jti": str(uuid.uuid4()),
    }  # fmt: skip
    for name, value in change.items():
        claims[name] = now + value if isinstance(value, timedelta) else value
    left = {name: value for name, value in claims.items() if value is not None}
    header = jwt.get_unverified_header(good)
    key = load_pem_private_key(SERVICE_KEYS["rewards"].encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    try:
        token = jwt.encode(left, key, algorithm="EdDSA", headers=header)
    except TypeError:
        return  # the library refuses to make such a token; a forger writes it by hand, and it is no better
    assert (await asked(client, "/internal/sample/by-both", token))[0] == 401


async def test_b7_without_keys_every_internal_call_is_refused(plumbing_settings: ServiceSettings) -> None:
    settings = plumbing_settings.model_copy(update={"service_callers": {}})
    app = build_app(service="sample", settings=settings, routers=[router], title_zh="样例", title_en="Sample")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://sample.test") as client:
        assert await asked(client, "/internal/sample/by-both", service_token("rewards", "sample")) == (
            401,
            "UNAUTHENTICATED",
        )


def test_b7_old_and_new_key_of_a_caller_are_both_accepted_while_it_is_replaced(
    plumbing_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    both = {"rewards": SERVICE_CALLERS["rewards"] + new.decode()}
    for name, value in (
        ("DATABASE_URL", plumbing_settings.database_url),
        ("EVENT_LOG_URL", plumbing_settings.event_log_url),
        ("JWKS_URL", plumbing_settings.jwks_url),
        ("SERVICE_CALLERS", json.dumps(both).replace("\\n", "\\\\n")),  # as secret stores write line ends
    ):
        monkeypatch.setenv(name, value)
    assert len(public_keys(ServiceSettings().service_callers["rewards"])) == 2


@pytest.mark.parametrize("value", ["", "not a key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_b7_a_malformed_key_of_a_caller_stops_the_process(plumbing_settings: ServiceSettings, value: str) -> None:
    with pytest.raises(ValidationError, match="service_callers"):
        ServiceSettings.model_validate({**plumbing_settings.model_dump(), "service_callers": {"rewards": value}})


def test_b7_a_token_serves_the_calls_of_twenty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = ServiceTokens(SERVICE_KEYS["rewards"], "rewards")
    first = tokens.issue("accounting")
    assert tokens.issue("accounting") == first
    assert tokens.issue("ingest") != first
    later = time.monotonic() + 21
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert tokens.issue("accounting") != first


@pytest.mark.parametrize(
    ("query", "unknown"),
    [
        ("", []),
        ("?cursor=a&limit=5&as=x", []),
        ("?tag=a&tag=b", []),
        ("?limit=abc&limit=5", ["limit"]),
        ("?as=x&as=x", ["as"]),
        ("?count=25&forcecheck=1440174508345", ["count", "forcecheck"]),
        ("?ref_id=NRX-T0301", ["ref_id"]),
        ("?limit=5&offset=5", ["offset"]),
        ("?kind=x", ["kind"]),
        ("?Limit=5", ["Limit"]),
        ("?limit[]=5", ["limit[]"]),
        ("?page=1&page=2&q=", ["page", "q"]),
        ("?%00=1", ["\x00"]),
        ("?=1", [""]),
    ],
)
async def test_c12_unknown_query_parameters_are_named(
    client: httpx.AsyncClient, query: str, unknown: list[str]
) -> None:
    answer = await client.get(f"/api/v1/sample/list{query}")
    if not unknown:
        assert answer.status_code == 200, answer.text
        return
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
    assert [error["field"] for error in answer.json()["errors"]] == [f"query.{name}" for name in unknown]


def forged_with_public_key(claims: dict[str, object], header: dict[str, object]) -> str:
    """HS256 whose secret is the public key, written by hand, because the library refuses to."""

    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value, default=str).encode()).decode().rstrip("=")

    head = f"{part({**header, 'alg': 'HS256'})}.{part(claims)}"
    signed = hmac.new(SERVICE_CALLERS["rewards"].encode(), head.encode(), hashlib.sha256).digest()
    return f"{head}.{base64.urlsafe_b64encode(signed).decode().rstrip('=')}"


async def test_b7_the_token_does_not_choose_the_key(client: httpx.AsyncClient) -> None:
    """A public key as an HMAC secret, a key inside the header, a header that names a key elsewhere, a foreign id."""
    now = int(time.time())
    claims: dict[str, object] = {"iss": "rewards", "aud": "sample", "iat": now, "exp": now + 60, "jti": "1"}
    header = dict(jwt.get_unverified_header(service_token("rewards", "sample")))
    own = Ed25519PrivateKey.generate()
    raw = own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    accounts = jwt.get_unverified_header(service_token("accounts", "sample"))["kid"]
    for token in (
        forged_with_public_key(claims, header),
        jwt.encode(claims, own, algorithm="EdDSA", headers={**header, "jwk": jwk}),
        jwt.encode(claims, own, algorithm="EdDSA", headers={**header, "jku": "http://attacker.test/jwks"}),
        jwt.encode(claims, own, algorithm="EdDSA", headers={**header, "kid": "../../dev/null"}),
        service_token("rewards", "sample", key_of="accounts"),
    ):
        assert await asked(client, "/internal/sample/by-both", token) == (401, "UNAUTHENTICATED")
    assert header["kid"] != accounts


@pytest.mark.parametrize("query", ["", "?machine=7%2F1", "?sign=a&timestamp=1&dry_run=true", "?x=1&x=2"])
async def test_c12_partners_may_add_parameters_of_their_own(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.post(f"/api/v1/sample/signed{query}")
    assert (answer.status_code, answer.json()) == (200, {"dry_run": "dry_run" in query})


@pytest.mark.parametrize("name", ["dry-run", "dryRun", "DRY_RUN", "dryrun"])
async def test_c12_another_spelling_of_a_parameter_is_refused_there_too(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.post(f"/api/v1/sample/signed?machine=7&{name}=true")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, f"query.{name}")


async def test_c12_health_checks_may_carry_anything(client: httpx.AsyncClient) -> None:
    for path in ("/healthz?probe=1", "/metrics?x=1"):
        assert (await client.get(path)).status_code == 200
