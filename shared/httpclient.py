"""Outbound HTTP with explicit timeouts, bounded retries, the request id and a service token."""

from collections.abc import Generator

import httpx

from shared import telemetry
from shared.auth.tokens import ServiceTokens

CONNECT_TIMEOUT_S = 2
TOTAL_TIMEOUT_S = 5
CONNECT_RETRIES = 2
CONNECTIONS_MAX = 50


def new_client(base_url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Make a pooled client. It retries only failed connections: nothing was sent, so this is safe for any method."""

    async def add_request_id(request: httpx.Request) -> None:
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
        event_hooks={"request": [add_request_id]},
        follow_redirects=False,
    )


class ServiceAuth(httpx.Auth):
    """Adds a fresh service token for `audience` to every request."""

    def __init__(self, tokens: ServiceTokens, audience: str) -> None:
        self._tokens = tokens
        self._audience = audience

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._tokens.issue(self._audience)}"
        yield request
