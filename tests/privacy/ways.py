"""The two ways of a request to the four services: directly, and through a real Envoy with the project's configuration.

All that may differ through the gateway stands here:

* What is internal (routes of the services among themselves, probes, metrics) is 404 NOT_FOUND and reaches no service.
* On routes that require a token the gateway itself refuses each wrong one, with the services' 401 UNAUTHENTICATED. It
  cannot see what `UNJUDGED` names. These tokens reach the service, which refuses them.
* No test here meets a limit. Each request comes from an address of its own, as one behind a proxy of ours. The limits
  of people are those of production, and no test asks as often as one person. So a 429 is a failure.
"""

import asyncio
import ipaddress
import itertools
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from deploy.gateway.settings import GatewaySettings
from deploy.local.ports import free_port
from shared.openapi.problems import Problem
from shared.problems import MEDIA_TYPE
from tests.contract.personal_data_page import SERVICES
from tests.deploy.gateways import running
from tests.privacy.city import City
from tests.tokens import TokenFactory

DIRECTLY, GATEWAY = "directly", "gateway"
NIGHTLY: Final = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
# Envoy reads `typ` of no token.
UNJUDGED: Final = frozenset({"wrong type"})
_JWKS: Final = "/api/v1/accounts/.well-known/jwks.json"
_numbers = itertools.count(1)


class Door:
    """Serves one application on a socket and notes which requests arrive. Without an application it serves the keys.

    The gateway outlives the applications of a test, and fetches the keys when it starts.
    """

    def __init__(self, tokens: TokenFactory) -> None:
        self._tokens = tokens
        self.app: ASGIApp | None = None
        self.arrived: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.app is not None:
            self.arrived |= {value.decode() for name, value in scope["headers"] if name == b"x-request-id"}
            await self.app(scope, receive, send)
            return
        body = json.dumps(self._tokens.jwks()).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[int]:
    """Serve an application whose lifespan has begun on a free port of this machine."""
    config = uvicorn.Config(app, port=0, lifespan="off", ws="none", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:
                await asyncio.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def mark(request: httpx.Request) -> None:
    """Give a request an id by which its arrival is known, and an address."""
    number = next(_numbers)
    request.headers["X-Request-Id"] = f"request-{number}"
    request.headers["X-Forwarded-For"] = str(ipaddress.IPv4Address("10.0.0.0") + number)


@dataclass(frozen=True)
class Gateway:
    """A running Envoy before the doors of the four services."""

    client: httpx.AsyncClient
    doors: Mapping[str, Door]


@asynccontextmanager
async def open_gateway(tokens: TokenFactory, place: Path) -> AsyncIterator[Gateway]:
    doors = {service: Door(tokens) for service in SERVICES}
    async with AsyncExitStack() as stack:
        ends: dict[str, Any] = {}
        for service, door in doors.items():
            ends[service] = f"127.0.0.1:{await stack.enter_async_context(served(door))}"
        settings = GatewaySettings(port=free_port(), admin_port=free_port(), trusted_hops=1, **ends)
        envoy = running(settings, place, _JWKS)
        url = await asyncio.to_thread(envoy.__enter__)  # it waits for an answer of the doors
        stack.push_async_callback(asyncio.to_thread, envoy.__exit__, None, None, None)
        hooks = {"request": [mark]}
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, event_hooks=hooks) as client:
            yield Gateway(client, doors)


@dataclass(frozen=True)
class Way:
    """A city and the way to it. Everything that its people do goes this way."""

    name: str
    city: City
    doors: Mapping[str, Door] = field(default_factory=dict)

    @property
    def has_gateway(self) -> bool:
        return bool(self.doors)

    def reached(self, answer: httpx.Response) -> bool:
        """Whether the request of this answer arrived at a service."""
        if not self.has_gateway:
            return True
        request_id = answer.request.headers["X-Request-Id"]
        return any(request_id in door.arrived for door in self.doors.values())

    def reaches(self, token: str) -> bool:
        """Whether a wrong token of this kind should reach a service."""
        return not self.has_gateway or token in UNJUDGED


@asynccontextmanager
async def way_to(city: City, name: str, gateway: Gateway) -> AsyncIterator[Way]:
    if name == DIRECTLY:
        yield Way(name, city)
        return
    for service, door in gateway.doors.items():
        door.app = city.apps[service]
    city.http = dict.fromkeys(SERVICES, gateway.client)
    try:
        yield Way(name, city, gateway.doors)
    finally:
        for door in gateway.doors.values():
            door.app = None
            door.arrived.clear()


def refusal(answer: httpx.Response) -> tuple[int, str | None]:
    """Return status and code, and check that a problem document has all members. The code of a success is None."""
    if answer.status_code < 400:
        return answer.status_code, None
    assert answer.headers.get("content-type") == MEDIA_TYPE, (answer.request.url.path, answer)
    problem = answer.json()
    assert set(problem) >= set(Problem.model_fields), answer.text
    told = (problem["status"], problem["instance"], problem["request_id"])
    expected = (answer.status_code, answer.request.url.path, answer.headers["x-request-id"])
    assert told == expected, f"{told}, not {expected}"
    return answer.status_code, str(problem["code"])
