"""Outbound HTTP: explicit timeouts, bounded retries, request id and service token passed on."""

from collections.abc import Generator

import httpx

from shared import telemetry
from shared.auth.tokens import ServiceTokens

CONNECT_TIMEOUT_S = 2
TOTAL_TIMEOUT_S = 5
CONNECT_RETRIES = 2
CONNECTIONS_MAX = 50


def new_client(base_url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """A pooled client. Retries only what never left this machine (connection refused), which is safe for any method."""

    async def pass_on_request_id(request: httpx.Request) -> None:
        request_id = telemetry.current_request_id()
        if request_id:
            request.headers["X-Request-Id"] = request_id

    return httpx.AsyncClient(
        base_url=base_url,
        timeout=httpx.Timeout(TOTAL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        transport=transport
        or httpx.AsyncHTTPTransport(
            retries=CONNECT_RETRIES, limits=httpx.Limits(max_connections=CONNECTIONS_MAX, keepalive_expiry=30)
        ),
        event_hooks={"request": [pass_on_request_id]},
        follow_redirects=False,
    )


class ServiceAuth(httpx.Auth):
    """Signs every request to `audience` with a fresh service token."""

    def __init__(self, tokens: ServiceTokens, audience: str) -> None:
        self._tokens = tokens
        self._audience = audience

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._tokens.issue(self._audience)}"
        yield request
