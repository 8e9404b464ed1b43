"""The gateway from the side of clients: a real Envoy with the real configuration and stand-in services."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.gateway.settings import GatewaySettings
from deploy.local.ports import free_port
from tests.deploy.gateways import assert_problem, bearer, raw, running
from tests.deploy.upstream import Upstream

SUBJECT_BURST = 5
ADDRESS_BURST = 60
KIB = 1024


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def settings(upstream: Upstream) -> GatewaySettings:
    here = f"127.0.0.1:{upstream.port}"
    return GatewaySettings(
        port=free_port(),
        admin_port=free_port(),
        accounts=here,
        ingest=here,
        accounting=here,
        rewards=f"127.0.0.1:{free_port()}",  # a service that is down
        pages=here,
        trusted_hops=1,  # gives each test its own client address
        subject_burst=SUBJECT_BURST,
        subject_per_s=1,
        address_burst=ADDRESS_BURST,
        address_per_s=1,
    )


@pytest.fixture(scope="module")
def gateway(settings: GatewaySettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(settings, tmp_path_factory.mktemp("gateway"), "/api/v1/accounts/readyz") as url:
        yield url


addresses = itertools.count(1)


@pytest.fixture
def client(gateway: str) -> Iterator[httpx.Client]:
    address = f"10.0.0.{next(addresses)}"
    with httpx.Client(base_url=gateway, headers={"X-Forwarded-For": address}, trust_env=False) as found:
        yield found


def test_paths_reach_services_unchanged(client: httpx.Client) -> None:
    for service in ("accounts", "ingest", "accounting"):
        received = client.get(f"/api/v1/{service}/some/page?x=1&y=%E4%BD%A0").json()
        assert received["path"] == f"/api/v1/{service}/some/page"
        assert received["query"] == "x=1&y=%E4%BD%A0"
        assert client.get(f"/api/v1/{service}/readyz").json()["path"] == "/readyz"
        assert client.get(f"/api/v1/{service}/healthz").json()["path"] == "/healthz"
    assert client.get("/docs").json()["path"] == "/docs"
    assert client.get("/docs/scalar.js").json()["path"] == "/docs/scalar.js"
    assert client.get("/").headers["location"].endswith("/docs")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/accounts/me"),
        ("DELETE", "/api/v1/accounts/me"),
        ("GET", "/api/v1/accounting/me/balance?x=1"),
        ("GET", "/api/v1/rewards/me/orders"),
        ("POST", "/api/v1/rewards/orders"),
        ("POST", "/api/v1/rewards/campaigns/c1/donations"),
        ("GET", "/api/v1/rewards/donations/1"),
        ("GET", "/api/v1/accounting/family-cards/1/balance"),
        ("DELETE", "/api/v1/accounts/sessions/current"),
        ("POST", "/api/v1/accounts/sessions/step-up"),
        ("POST", "/api/v1/accounts/households"),
        ("POST", "/api/v1/accounts/enterprises"),
        ("POST", "/api/v1/accounts/enterprise-documents/1"),
        ("GET", "/api/v1/accounts/mandate-terms"),
        ("GET", "/api/v1/accounting/enterprises/1/balance"),
        ("GET", "/api/v1/ingest/ops/partners"),
        ("GET", "/api/v1/accounting/ops/dead-letters"),
        ("GET", "/api/v1/accounts/ops/sessions"),
        ("DELETE", "/api/v1/accounts/ops/sessions/current"),
        ("POST", "/api/v1/accounts/ops/sessions/current"),
        ("POST", "/api/v1/accounts/ops/sessions/refresh/x"),
        ("POST", "/api/v1/ingest/ops/sessions"),
        ("POST", "/api/v1/accounts/ops/sessions/../accounts/WH1"),
        ("GET", "/api/v1/accounting/x/../me/balance"),
    ],
)
def test_protected_path_without_a_token_is_401(client: httpx.Client, method: str, path: str) -> None:
    response = client.request(method, path)
    assert response.status_code == 401
    assert response.json()["code"] == "UNAUTHENTICATED"


def test_invalid_token_is_answered_like_a_missing_one(client: httpx.Client, upstream: Upstream) -> None:
    forged = jwt.encode({"sub": "x"}, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": upstream.kid})
    for token in (
        "nonsense",
        forged,
        upstream.token(exp=int(time.time()) - 60),
        upstream.token(iss="another"),
        upstream.token(aud=["another"]),
    ):
        problem = assert_problem(
            client.get("/api/v1/accounting/me/balance", headers=bearer(token)), 401, "UNAUTHENTICATED"
        )
        assert problem["title"] == "请先登录"


def test_problem_is_in_english_when_accept_language_asks_for_it(client: httpx.Client) -> None:
    response = client.get("/api/v1/accounts/me", headers={"Accept-Language": "en-GB,en;q=0.9"})
    assert assert_problem(response, 401, "UNAUTHENTICATED")["title"] == "Please log in"


def test_valid_token_is_passed_to_the_service(client: httpx.Client, upstream: Upstream) -> None:
    token = upstream.token("good")
    received = client.get("/api/v1/accounting/me/balance", headers=bearer(token)).json()
    assert received["headers"]["authorization"] == f"Bearer {token}"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/accounts/sessions"),
        # Operators have no token either before they log in.
        ("POST", "/api/v1/accounts/ops/log-ins"),
        ("POST", "/api/v1/accounts/ops/sessions"),
        ("POST", "/api/v1/accounts/ops/sessions/refresh"),
        ("GET", "/api/v1/accounts/openapi.json"),
        ("GET", "/api/v1/accounts/scenes"),
        ("POST", "/api/v1/accounts/partner/bindings"),
        ("POST", "/api/v1/ingest/events"),
        ("GET", "/api/v1/accounting/methodologies"),
        ("GET", "/api/v1/accounting/public/stats"),
    ],
)
def test_public_and_signed_paths_need_no_token(client: httpx.Client, method: str, path: str) -> None:
    signed = {"Authorization": 'CP1-HMAC-SHA256 app_key="k"'}
    assert client.request(method, path, headers=signed).json()["headers"]["authorization"] == signed["Authorization"]


def test_identity_headers_from_clients_are_removed(client: httpx.Client, upstream: Upstream) -> None:
    spoofed = {"X-User-Id": "42", "X-Account-Id": "42", "X-Forwarded-User": "root", "X-Original-Url": "/internal"}
    for headers, path in ((spoofed, "accounts/scenes"), (spoofed | bearer(upstream.token("spoof")), "accounts/me")):
        received = client.get(f"/api/v1/{path}", headers=headers).json()
        assert not {name.lower() for name in spoofed} & set(received["headers"])


def test_envoy_headers_from_clients_are_removed(client: httpx.Client) -> None:
    received = client.get("/api/v1/accounts/scenes", headers={"X-Envoy-Upstream-Rq-Timeout-Ms": "1"}).json()
    assert "x-envoy-upstream-rq-timeout-ms" not in received["headers"]
    assert received["headers"].get("x-envoy-internal") is None


def test_client_address_header_comes_from_the_gateway(client: httpx.Client) -> None:
    """Partners' address lists depend on this header. Its value is the last entry of the trusted proxy."""
    noted = {"X-Forwarded-For": "203.0.113.8, 10.9.9.9"}
    for headers in (noted, noted | {"X-Envoy-External-Address": "203.0.113.7"}):
        received = client.get("/api/v1/ingest/events/x", headers=headers).json()
        assert received["headers"]["x-envoy-external-address"] == "10.9.9.9"


@pytest.mark.parametrize(
    "path",
    [
        "/internal/accounting/holds",
        "/api/v1/accounts/../../../internal/accounting/holds",
        "/api/v1/accounts/%2e%2e/%2e%2e/%2e%2e/internal/accounting/holds",
        "//internal/accounting/holds",
        "/api/v1/accounting/internal/holds",
        "/metrics",
        "/api/v1/accounts/metrics",
        "/readyz",
        "/api/v1/unknown/x",
        "/api/v2/accounts/me",
    ],
)
def test_internal_and_unknown_paths_are_404(gateway: str, path: str) -> None:
    # Over a raw socket, because a client library normalises the path.
    status, body = raw(gateway, f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert status == 404
    assert '"code":"NOT_FOUND"' in body


def test_escaped_slashes_are_refused(gateway: str) -> None:
    status, body = raw(gateway, "GET /api/v1/accounts/..%2f..%2f..%2finternal/x HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == 400
    assert '"code":"MALFORMED_REQUEST"' in body


def test_not_found_problem_leaves_out_the_query(client: httpx.Client) -> None:
    assert_problem(client.get("/nothing/here?phone=13800000000"), 404, "NOT_FOUND")


def test_request_id_is_created_or_taken_from_the_client(client: httpx.Client) -> None:
    made = client.get("/api/v1/accounts/scenes")
    assert made.headers["x-request-id"] == made.json()["headers"]["x-request-id"] != ""
    taken = client.get("/api/v1/accounts/scenes", headers={"X-Request-Id": "mine-1"})
    assert taken.headers["x-request-id"] == taken.json()["headers"]["x-request-id"] == "mine-1"
    refused = client.get("/nothing", headers={"X-Request-Id": 'x"\\' + "y" * 100})
    assert refused.json()["request_id"] == ('x"\\' + "y" * 100)[:64]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("path", "limit"), [("/api/v1/accounts/sessions", 64 * KIB), ("/api/v1/ingest/events", 1024 * KIB)]
)
def test_body_limit_depends_on_the_path(client: httpx.Client, path: str, limit: int, *, chunked: bool) -> None:
    def content(size: int) -> Any:
        return (b"x" * 1024 for _ in range(size // 1024)) if chunked else b"x" * size

    assert client.post(path, content=content(limit)).json()["bytes"] == limit
    assert_problem(client.post(path, content=content(limit + 2 * KIB)), 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("path", ["imports", "imports/0190-a/parts/31", "reconciliation?date=2026-11-23"])
def test_import_parts_stream_up_to_4_mib(client: httpx.Client, gateway: str, path: str) -> None:
    size = 4 * 1024 * KIB
    assert client.put(f"/api/v1/ingest/{path}", content=b"x" * size).json()["bytes"] == size
    announced = f"PUT /api/v1/ingest/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size + 1}\r\n\r\n"
    status, body = raw(gateway, announced)
    assert status == 413
    assert '"code":"PAYLOAD_TOO_LARGE"' in body


def test_documents_of_applications_may_have_5_mib_and_need_a_token(client: httpx.Client, upstream: Upstream) -> None:
    path, size = "/api/v1/accounts/enterprise-documents/0190-a", 5 * 1024 * KIB
    headers = bearer(upstream.token("good"))
    assert client.post(path, content=b"x" * size, headers=headers).json()["bytes"] == size
    assert_problem(client.post(path, content=b"x" * (size + 2), headers=headers), 413, "PAYLOAD_TOO_LARGE")
    assert_problem(client.post(path, content=b"x" * size), 401, "UNAUTHENTICATED")
    other = client.post("/api/v1/accounts/enterprises", content=b"x" * 66 * KIB, headers=headers)
    assert_problem(other, 413, "PAYLOAD_TOO_LARGE")


def test_other_import_routes_keep_the_small_body_limit(client: httpx.Client) -> None:
    assert_problem(
        client.post("/api/v1/ingest/imports/0190-a/complete", content=b"x" * 66 * KIB), 413, "PAYLOAD_TOO_LARGE"
    )


def test_service_that_is_down_is_answered_503(client: httpx.Client) -> None:
    assert_problem(client.get("/api/v1/rewards/items"), 503, "UPSTREAM_UNAVAILABLE", retryable=True)


def test_service_errors_pass_unchanged(client: httpx.Client) -> None:
    for status in (401, 404, 413, 429, 503):
        response = client.post(f"/api/v1/accounting/x?answer={status}")
        assert response.status_code == status
        assert response.json()["path"] == "/api/v1/accounting/x"


def test_unavailable_token_keys_are_a_503_not_a_401(
    settings: GatewaySettings, upstream: Upstream, tmp_path: Path
) -> None:
    changed = {"port": free_port(), "admin_port": free_port(), "accounts": f"127.0.0.1:{free_port()}"}
    with running(settings.model_copy(update=changed), tmp_path, "/api/v1/accounting/readyz") as url:
        response = httpx.get(f"{url}/api/v1/accounting/me", headers=bearer(upstream.token()), trust_env=False)
        assert_problem(response, 503, "UPSTREAM_UNAVAILABLE", retryable=True)


def test_rate_limit_counts_each_token_subject_separately(client: httpx.Client, upstream: Upstream) -> None:
    mine = bearer(upstream.token("eager"))
    statuses = [client.get("/api/v1/accounts/me", headers=mine).status_code for _ in range(SUBJECT_BURST)]
    assert statuses == [200] * SUBJECT_BURST
    assert_problem(client.get("/api/v1/accounts/me", headers=mine), 429, "TOO_MANY_REQUESTS", retryable=True)
    assert client.get("/api/v1/accounts/me", headers=bearer(upstream.token("calm"))).status_code == 200


def test_forged_tokens_do_not_count_against_their_subject(client: httpx.Client, upstream: Upstream) -> None:
    other = Ed25519PrivateKey.generate()
    forged = jwt.encode({"sub": "victim"}, other, algorithm="EdDSA", headers={"kid": upstream.kid})
    for _ in range(2 * SUBJECT_BURST):
        assert client.get("/api/v1/accounts/me", headers=bearer(forged)).status_code == 401
    assert client.get("/api/v1/accounts/me", headers=bearer(upstream.token("victim"))).status_code == 200


def test_rate_limit_counts_each_address_separately(client: httpx.Client) -> None:
    answers = [client.get("/api/v1/accounts/scenes") for _ in range(ADDRESS_BURST + 10)]
    assert [answer.status_code for answer in answers[:ADDRESS_BURST]] == [200] * ADDRESS_BURST
    assert_problem(answers[-1], 429, "TOO_MANY_REQUESTS", retryable=True)
    elsewhere = client.get("/api/v1/accounts/scenes", headers={"X-Forwarded-For": "10.9.9.9"})
    assert elsewhere.status_code == 200


def test_d5_an_offer_to_upgrade_to_http_2_is_answered_without_upgrading(client: httpx.Client) -> None:
    """Java's HttpClient makes it with every request over plain HTTP, also with a body."""
    offer = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"}
    answer = client.post("/api/v1/ingest/events", content=b"[]", headers=offer)
    assert answer.status_code == 200
    assert answer.json()["bytes"] == 2
