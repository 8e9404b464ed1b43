"""Faults of clients: they hang up during a request, or send single bytes without an end."""

import asyncio
import contextlib
import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
import httpx

from deploy.demo.gateway import EVENTS
from deploy.local.settings import SERVICES
from tests.chaos.history import Event, Write
from tests.chaos.load import CAMPAIGN, DONATION_MG, ITEM, ORDER_MG, PARTNERS, Citizen
from tests.chaos.run import Fault, FaultContext

HOST = "127.0.0.1"
TIMES = 200
TIMES_SHORT = 10
PARALLEL = 12  # enough to leave before the work ends, few enough not to become a load test
AFTER_S = 5.0
POOL_MAX = 10  # connections of one process, by default
LORIS_SOCKETS = 200
LORIS_S = 8.0
HEALTH_MAX_S = 5.0


@dataclass(frozen=True)
class Route:
    service: str
    method: str
    path: str


async def write_routes(context: FaultContext) -> list[Route]:
    """Return every POST, PUT and DELETE route of the four services, from their OpenAPI documents."""
    routes = []
    async with httpx.AsyncClient(trust_env=False) as client:
        for service in SERVICES:
            url = f"http://{HOST}:{context.stack.port(service)}/api/v1/{service}/openapi.json"
            for path, operations in (await client.get(url)).json()["paths"].items():
                routes += [
                    Route(service, method.upper(), path) for method in operations if method in {"post", "put", "delete"}
                ]
    return routes


class _Caller:
    """Makes requests that would take effect, and records each with an unknown outcome."""

    def __init__(self, context: FaultContext, victim: Citizen) -> None:
        self._scene, self._victim = context, victim

    def request(self, route: Route) -> tuple[str, dict[str, str], bytes]:
        load, number = self._scene.load, self._scene.load.number()
        path = re.sub(r"{[^}]+}", str(uuid.uuid4()), route.path)
        if route.path == EVENTS:
            partner = load.partners[self._scene.random.choice(PARTNERS)]
            body = load.next_event(partner.partner_id)
            load.history.events[partner.partner_id, body["id"]] = Event(partner.partner_id, body["id"], body)
            content = json.dumps([body]).encode()
            return path, load.signed(partner, route.method, path, content), content
        if "/ops/" in path:
            return path, {"Authorization": f"Bearer {load.ops_token}"}, b"{}"
        name, body = f"hang-up-{number}", {}
        citizen = self._victim
        if route.path.endswith("/rewards/orders"):
            citizen = self._scene.random.choice(load.citizens)
            load.history.writes[name] = Write("order", name, citizen.user_id, ORDER_MG)
            body = {"item_id": ITEM, "quantity": 1, "client_request_id": name}
        elif route.path.endswith("/donations"):
            citizen = self._scene.random.choice(load.citizens)
            path = f"/api/v1/rewards/campaigns/{CAMPAIGN}/donations"
            load.history.writes[name] = Write("donation", name, citizen.user_id, DONATION_MG)
            body = {"amount_mg": DONATION_MG}
        elif route.path.endswith("/accounts/sessions"):
            body = {"code": f"dev:{name}"}
        elif route.path.endswith("/me/bindings"):
            body = {"partner_id": "grid", "mode": "account_no"}
        headers = {"Authorization": f"Bearer {citizen.token}", "Idempotency-Key": name}
        return path, headers, json.dumps(body).encode()


def _play_hang_ups(times: int) -> Callable[[FaultContext], Awaitable[None]]:
    async def play(context: FaultContext) -> None:
        victim = await context.load.add_citizen(keep=False)
        if victim is None:
            raise RuntimeError("no citizen could be made")
        caller = _Caller(context, victim)
        routes = await write_routes(context)
        gate = asyncio.Semaphore(PARALLEL)

        async def once(route: Route) -> None:
            async with gate:
                await _hang_up(context, route, caller)

        await asyncio.gather(*(once(route) for route in routes for _ in range(times)))
        context.add_facts(injected=len(routes) * times, routes=len(routes))
        await asyncio.sleep(AFTER_S)
        context.add_facts(problems=await _find_leaks(context))

    return play


async def _hang_up(context: FaultContext, route: Route, caller: _Caller) -> None:
    path, headers, body = caller.request(route)
    cut = context.random.random() < 0.3
    shown = body[: len(body) // 2] if cut else body
    head = f"{route.method} {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {len(body)}\r\n"
    lines = {"Content-Type": "application/json", **headers}
    request = (head + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n").encode() + shown
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection(HOST, context.stack.port(route.service))
        writer.write(request)
        await writer.drain()
        await asyncio.sleep(context.random.uniform(0, 0.02))
        writer.transport.abort()


async def _find_leaks(context: FaultContext) -> list[str]:
    connection = await asyncpg.connect(context.stack.admin_dsn)
    try:
        rows = await connection.fetch(
            "SELECT application_name AS name, count(*) AS n, count(*) FILTER (WHERE state LIKE 'idle in transaction%'"
            "   AND clock_timestamp() - state_change > interval '5 s') AS open FROM pg_stat_activity"
            " WHERE application_name LIKE '%-api' GROUP BY 1"
        )
    finally:
        await connection.close()
    found = [f"{row['name']}: {row['open']} transactions left open" for row in rows if row["open"]]
    return found + [f"{row['name']}: {row['n']} connections" for row in rows if row["n"] > POOL_MAX]


async def slow_loris(context: FaultContext) -> None:
    """Open half of the sockets at the gateway and half at ingest. Health checks and intake must go on."""
    ports = [urlsplit(context.load.url).port or 0, context.stack.port("ingest")]
    accepted = context.load.history.answers["202"]
    writers = []
    for number in range(LORIS_SOCKETS):
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, ports[number % 2])
            writer.write(f"POST {EVENTS} HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ".encode())
            writers.append(writer)
    slowest, failed = 0.0, 0
    until = time.monotonic() + LORIS_S
    async with httpx.AsyncClient(trust_env=False, timeout=HEALTH_MAX_S) as client:
        while time.monotonic() < until:
            for writer in writers:
                writer.write(b"x")
            for service in SERVICES:
                took = await _health(client, f"{context.load.url}/api/v1/{service}/readyz")
                slowest, failed = max(slowest, took), failed + (took >= HEALTH_MAX_S)
            await asyncio.sleep(0.5)
    for writer in writers:
        writer.transport.abort()
    taken = context.load.history.answers["202"] - accepted
    context.add_facts(injected=len(writers), slowest_health_s=round(slowest, 3), batches_meanwhile=taken)
    if failed or not taken:
        context.add_facts(problems=[f"{failed} health checks failed, {taken} batches accepted meanwhile"])


async def _health(client: httpx.AsyncClient, url: str) -> float:
    started = time.monotonic()
    with contextlib.suppress(httpx.HTTPError):
        if (await client.get(url)).status_code == 200:
            return time.monotonic() - started
    return HEALTH_MAX_S


FAULTS = (
    Fault(
        "hang-ups",
        "客户端中途断开，每个写接口 200 次",
        "clients hang up, 200 × every write route",
        _play_hang_ups(TIMES),
    ),
    Fault("hang-ups-short", "客户端中途断开", "clients hang up on every write route", _play_hang_ups(TIMES_SHORT)),
    Fault("slow-loris", "200 个慢速连接", "200 sockets that send a byte now and then", slow_loris),
)
