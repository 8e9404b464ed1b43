"""The border on the side of clients: limits of routes, schemes of authorization, requests nobody can serve."""

import base64
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from deploy.gateway.limits import ROUTE_LIMITS, Rate
from deploy.gateway.settings import GatewaySettings
from deploy.local.ports import free_port
from tests.deploy.gateways import assert_problem, bearer, raw, running
from tests.deploy.upstream import Upstream

ADDRESS_BURST, PERSON_BURST = 6, 3
SAMPLES = {
    "log-in": ("POST", "/api/v1/accounts/sessions"),
    "refresh": ("POST", "/api/v1/accounts/sessions/refresh"),
    "phone": ("PUT", "/api/v1/accounts/me/phone"),
    "invitations": ("POST", "/api/v1/accounts/households/0190/invitations"),
    "join": ("POST", "/api/v1/accounts/households/join"),
    "card-claim": ("POST", "/api/v1/accounts/me/family-cards/claim"),
    "members": ("POST", "/api/v1/accounts/enterprises/5d0c2f2e-0d6c-4b43-9d4e-6f3d2f1c0b9a/members"),
    "enterprise-documents": ("POST", "/api/v1/accounts/enterprise-documents/5d0c2f2e-0d6c-4b43-9d4e-6f3d2f1c0b9a"),
    "team-join": ("POST", "/api/v1/rewards/teams/join"),
    "certificates": ("GET", "/api/v1/rewards/certificates/WH-1"),
    "signature-debug": ("POST", "/api/v1/ingest/signature-debug"),
    "documents": ("GET", "/api/v1/accounting/openapi.json"),
    "pages": ("GET", "/docs/scalar.js"),
}
PERSONAL = ("phone", "invitations", "join", "card-claim", "members", "enterprise-documents", "team-join")
ME = "/api/v1/accounting/me/balance"
HOST = "Host: x\r\n"


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def gateway(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    here = f"127.0.0.1:{upstream.port}"
    rates = {"address": Rate(1, ADDRESS_BURST), "person": Rate(1, PERSON_BURST)}
    services: dict[str, Any] = dict.fromkeys(("accounts", "ingest", "accounting", "rewards", "pages"), here)
    settings = GatewaySettings(
        port=free_port(),
        admin_port=free_port(),
        **services,
        trusted_hops=1,
        route_limits={limit.name: rates for limit in ROUTE_LIMITS},
    )
    with running(settings, tmp_path_factory.mktemp("border"), "/api/v1/accounts/readyz") as url:
        yield url


addresses = (f"10.1.{number // 200}.{number % 200 + 1}" for number in itertools.count())


@pytest.fixture
def client(gateway: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway, headers={"X-Forwarded-For": next(addresses)}, trust_env=False) as found:
        yield found


def test_every_limited_route_has_a_sample() -> None:
    assert set(SAMPLES) == {limit.name for limit in ROUTE_LIMITS}
    assert set(PERSONAL) == {limit.name for limit in ROUTE_LIMITS if limit.person is not None}
    # Retry-After: 1 must be true for each of them.
    assert all(rate.per_s >= 1 for limit in ROUTE_LIMITS for rate in (limit.address, limit.person) if rate)


@pytest.mark.parametrize("name", SAMPLES)
def test_b4_a_costly_route_is_limited_by_address(client: httpx.Client, upstream: Upstream, name: str) -> None:
    method, path = SAMPLES[name]
    # A person each time: only the address is the same.
    answers = [
        client.request(method, f"{path}?n={n}", headers=bearer(upstream.token(f"{name}-{n}")))
        for n in range(ADDRESS_BURST + 3)
    ]
    assert [one.status_code for one in answers[:ADDRESS_BURST]] == [200] * ADDRESS_BURST
    assert_problem(answers[-1], 429, "TOO_MANY_REQUESTS", retryable=True)
    # Everything else goes on from this address, and this route from other addresses.
    assert client.get("/api/v1/accounts/scenes").status_code == 200
    elsewhere = {"X-Forwarded-For": next(addresses)} | bearer(upstream.token(f"{name}-other"))
    assert client.request(method, path, headers=elsewhere).status_code == 200


@pytest.mark.parametrize("path", ["log-ins", "sessions", "sessions/refresh"])
def test_b10_the_log_in_of_operators_is_limited_by_address(client: httpx.Client, path: str) -> None:
    answers = [client.post(f"/api/v1/accounts/ops/{path}") for _ in range(ADDRESS_BURST + 1)]
    assert [one.status_code for one in answers[:-1]] == [200] * ADDRESS_BURST
    assert_problem(answers[-1], 429, "TOO_MANY_REQUESTS", retryable=True)


@pytest.mark.parametrize("name", PERSONAL)
def test_b4_a_costly_route_is_limited_by_person(client: httpx.Client, upstream: Upstream, name: str) -> None:
    method, path = SAMPLES[name]

    def ask(person: str) -> httpx.Response:
        headers = {"X-Forwarded-For": next(addresses)} | bearer(upstream.token(person))
        return client.request(method, path, headers=headers)

    answers = [ask(f"eager-{name}") for _ in range(PERSON_BURST + 2)]
    assert [one.status_code for one in answers[:PERSON_BURST]] == [200] * PERSON_BURST
    assert_problem(answers[-1], 429, "TOO_MANY_REQUESTS", retryable=True)
    assert ask(f"calm-{name}").status_code == 200


def test_b4_limits_of_a_route_do_not_count_other_methods_or_longer_paths(client: httpx.Client) -> None:
    for _ in range(ADDRESS_BURST + 3):
        assert client.get("/api/v1/accounts/sessions").status_code == 200
        assert client.post("/api/v1/accounts/sessions/more").status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/v1/accounts//sessions", "/api/v1/x/../accounts/sessions", "/api/v1/accounts/%73essions"]
)
def test_b4_another_spelling_of_the_path_does_not_avoid_its_limit(gateway: str, path: str) -> None:
    lines = f"{HOST}X-Forwarded-For: {next(addresses)}\r\nContent-Length: 0\r\n\r\n"
    statuses = [raw(gateway, f"POST {path} HTTP/1.1\r\n{lines}")[0] for _ in range(ADDRESS_BURST + 2)]
    assert statuses[-1] in {404, 429}


def test_b4_an_unknown_name_in_the_settings_of_limits_is_refused() -> None:
    with pytest.raises(ValidationError, match="no such route: login"):
        GatewaySettings(route_limits={"login": {"address": Rate(1, 1)}})


def _part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def forged(upstream: Upstream) -> dict[str, str]:
    now = int(time.time())
    claims = {"iss": "carbon-inclusion", "aud": ["carbon-api"], "sub": "x", "iat": now, "exp": now + 60}
    own = {"kid": upstream.kid}
    other = Ed25519PrivateKey.generate()
    return {
        "unknown key id, as of another stack": jwt.encode(claims, other, "EdDSA", headers={"kid": "0" * 16}),
        "known key id, other key": jwt.encode(claims, other, "EdDSA", headers=own),
        "no key id": jwt.encode(claims, other, "EdDSA"),
        "HS256 with the public key": jwt.encode(claims, upstream.public_key_text(), "HS256", headers=own),
        "RS256": jwt.encode(claims, rsa.generate_private_key(65537, 2048), "RS256", headers=own),
        "ES256": jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256", headers=own),
        "none": f"{_part({'alg': 'none', **own})}.{_part(claims)}.",
        "unknown algorithm": f"{_part({'alg': 'FOO', **own})}.{_part(claims)}.AAAA",
        "key id of another type": f"{_part({'alg': 'EdDSA', 'kid': 5})}.{_part(claims)}.AAAA",
        "key id that traverses": jwt.encode(claims, other, "EdDSA", headers={"kid": "../../dev/null"}),
        "key in the header": jwt.encode(claims, other, "EdDSA", headers={"jwk": {"kty": "OKP", "crv": "Ed25519"}}),
        "key at an address": jwt.encode(claims, other, "EdDSA", headers={"jku": "http://127.0.0.1:1/", "kid": "k"}),
    }


def test_b5_a_token_whose_key_we_do_not_have_is_401(client: httpx.Client, upstream: Upstream) -> None:
    for kind, token in forged(upstream).items():
        response = client.get(ME, headers=bearer(token))
        assert response.status_code == 401, (kind, response.text)
        assert_problem(response, 401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "keys", ['{"message": "error"}', "{}", '{"keys": []}', "nonsense", '{"keys": [{"kty": "OKP"}]}', ""]
)
def test_b5_only_keys_that_cannot_be_had_are_503(
    keys: str, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broken = Upstream(keys=keys)
    broken.start()
    try:
        here = f"127.0.0.1:{broken.port}"
        settings = GatewaySettings(port=free_port(), admin_port=free_port(), accounts=here, accounting=here)
        with running(settings, tmp_path_factory.mktemp("keys"), "/api/v1/accounting/readyz") as url:
            response = httpx.get(url + ME, headers=bearer(upstream.token()), trust_env=False)
            assert_problem(response, 503, "UPSTREAM_UNAVAILABLE", retryable=True)
    finally:
        broken.stop()


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer  "])
def test_c16_the_scheme_of_a_token_is_case_insensitive(client: httpx.Client, upstream: Upstream, scheme: str) -> None:
    response = client.get(ME, headers={"Authorization": scheme + upstream.token("c16")})
    assert response.status_code == 200, response.text
    assert response.json()["headers"]["authorization"].startswith(scheme)


@pytest.mark.parametrize("scheme", ["", "Bearer", "Bearer\t", "Bearer:"])
def test_c16_a_token_without_a_scheme_is_401(client: httpx.Client, upstream: Upstream, scheme: str) -> None:
    assert_problem(client.get(ME, headers={"Authorization": scheme + upstream.token("c16")}), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked", "identity", "xchunked", "deflate", "chunked, identity"])
def test_b17_an_unknown_transfer_encoding_is_a_4xx_of_its_own(gateway: str, coding: str) -> None:
    status, body = raw(
        gateway, f"POST /api/v1/accounts/sessions HTTP/1.1\r\n{HOST}Transfer-Encoding: {coding}\r\n\r\n0\r\n\r\n"
    )
    assert (status, json.loads(body)["code"]) == (400, "TRANSFER_ENCODING_UNSUPPORTED")


@pytest.mark.parametrize(
    ("lines", "status", "code"),
    [
        ("GET /api/v1/accounts/x HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade", 400, "UPGRADE_UNSUPPORTED"),
        ("GET /api/v1/accounts/x HTTP/1.1\r\nUpgrade: tls/1.2\r\nConnection: Upgrade", 400, "UPGRADE_UNSUPPORTED"),
        ("GET /api/v1/accounts/x HTTP/1.0", 426, "HTTP_VERSION_UNSUPPORTED"),
        ("GET /api/v1/accounts/x HTTP/2.3", 426, "HTTP_VERSION_UNSUPPORTED"),
        ("BREW /api/v1/accounts/x HTTP/1.1", 400, "MALFORMED_REQUEST"),
        ("POST /x HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3", 400, "MALFORMED_REQUEST"),
        ("POST /x HTTP/1.1\r\nContent-Length: -2", 400, "MALFORMED_REQUEST"),
        ("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3", 400, "MALFORMED_REQUEST"),
        ("GET /x HTTP/1.1\r\nX_Under: 1", 400, "MALFORMED_REQUEST"),
    ],
)
def test_b17_a_request_nobody_can_serve_is_the_callers_fault(gateway: str, lines: str, status: int, code: str) -> None:
    answered, body = raw(gateway, f"{lines}\r\n{HOST}\r\n")
    assert (answered, json.loads(body)["code"]) == (status, code), body
