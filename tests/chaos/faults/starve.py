"""Attacks of one address on what everybody needs. The figure is the p99 of genuine requests beside the attack.

The attacker's connections come from another loopback address, so that the gateway counts it apart from the load.
"""

import asyncio
import contextlib
import itertools
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import httpx

from deploy.demo.gateway import EVENTS
from tests.chaos.load import Citizen
from tests.chaos.run import Fault, FaultContext, NotPossible
from tests.deploy.closed_windows import ClosedWindows
from tests.starving import Figure, compare

ATTACKER, GENUINE = "127.0.0.2", "127.0.0.3"
HOST = "127.0.0.1"
IMPORTS = "/api/v1/ingest/imports"
PART_BYTES = 4 * 1024 * 1024
SLOW_SOCKETS = 16
WRONG_LOG_INS = 100
SAME_CODE = 50
TIMES = 200

Attack = Callable[[FaultContext], Awaitable[None]]


class _Genuine:
    """A citizen who logs in and reads, and a partner that reports: the requests of the figure, in turns."""

    def __init__(self, context: FaultContext, citizen: Citizen, client: httpx.AsyncClient) -> None:
        self._load, self._client = context.load, client
        self._me = {"Authorization": f"Bearer {citizen.token}"}
        self._run = uuid.uuid4().hex[:8]

    async def log_in(self, number: int) -> None:
        answer = await self._client.post("/api/v1/accounts/sessions", json={"code": f"dev:g{self._run}{number}"})
        assert answer.status_code == 201, answer.text

    async def read(self, _: int) -> None:
        answer = await self._client.get("/api/v1/accounting/me/balance", headers=self._me)
        assert answer.status_code == 200, answer.text

    async def report(self, _: int) -> None:
        partner = self._load.partners["bus"]
        target = f"{EVENTS}?dry_run=true"
        body = b"[]"
        headers = self._load.signed(partner, "POST", target, body)
        answer = await self._client.post(target, content=body, headers=headers)
        assert answer.status_code == 202, answer.text

    async def any(self, number: int) -> None:
        await (self.log_in, self.read, self.report)[number % 3](number)


def _play(name: str, attack: Attack) -> Callable[[FaultContext], Awaitable[None]]:
    async def play(context: FaultContext) -> None:
        citizen = await context.load.add_citizen(keep=False)
        if citizen is None:
            raise RuntimeError("no citizen could be made")
        try:
            transport = httpx.AsyncHTTPTransport(local_address=GENUINE)
            async with httpx.AsyncClient(
                base_url=context.load.url, transport=transport, trust_env=False, timeout=15
            ) as client:
                genuine = _Genuine(context, citizen, client)
                figure = await compare(name, genuine.any, lambda: attack(context), times=TIMES, factor=1, warm_s=0.5)
        except OSError as error:
            raise NotPossible(f"no second loopback address: {error}") from error
        _report(context, figure)

    return play


def _report(context: FaultContext, figure: Figure) -> None:
    context.add_facts(
        p99_without_ms=round(figure.calm_ms, 1),
        p99_beside_ms=round(figure.beside_ms, 1),
        ratio=round(figure.ratio, 2),
        genuine_failed=figure.failed,
    )
    if not figure.holds:
        context.add_facts(problems=[f"genuine requests starve: {figure}"])


def _port(context: FaultContext) -> int:
    return urlsplit(context.load.url).port or 80


async def _slow_sockets(context: FaultContext) -> None:
    """Announce parts of 4 MiB without a signature, send a kilobyte, then a byte every three seconds."""
    head = f"POST {IMPORTS} HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: {PART_BYTES}\r\n\r\n"
    writers: dict[int, asyncio.StreamWriter] = {}
    try:
        while True:
            for number in range(SLOW_SOCKETS):
                with contextlib.suppress(OSError):
                    if number not in writers or writers[number].is_closing():
                        _, writers[number] = await asyncio.open_connection(
                            HOST, _port(context), local_addr=(ATTACKER, 0)
                        )
                        writers[number].write(head.encode() + b"x" * 1024)
                    writers[number].write(b"x")
            await asyncio.sleep(3)
    finally:
        for writer in writers.values():
            writer.transport.abort()


def _closed_windows(path: str) -> Attack:
    async def attack(context: FaultContext) -> None:
        async with ClosedWindows(_port(context), path, source=ATTACKER):
            await asyncio.sleep(120)

    return attack


class _Burst:
    """Many log-ins at once over connections that are open already, again and again.

    Bare sockets: a client library would need more of this process than the attack of the gateway, and the genuine
    client runs in it as well.
    """

    def __init__(self, codes: Callable[[int], list[str]], *, every_s: float) -> None:
        self._codes, self._every_s = codes, every_s

    async def __call__(self, context: FaultContext) -> None:
        sockets: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        try:
            for number in itertools.count(time.monotonic_ns()):
                codes = self._codes(number)
                while len(sockets) < len(codes):
                    sockets.append(await asyncio.open_connection(HOST, _port(context), local_addr=(ATTACKER, 0)))
                for (_, writer), code in zip(sockets, codes, strict=True):
                    writer.write(_log_in_request(code))
                await asyncio.gather(*(reader.read(64 * 1024) for reader, _ in sockets))
                sockets = [one for one in sockets if not one[0].at_eof()]
                await asyncio.sleep(self._every_s)
        finally:
            for _, writer in sockets:
                writer.transport.abort()


def _log_in_request(code: str) -> bytes:
    body = json.dumps({"code": code}).encode()
    head = f"POST /api/v1/accounts/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Content-Type: application/json\r\n\r\n" + body


_WRONG = _Burst(lambda number: [f"wrong-{number}-{n}" for n in range(WRONG_LOG_INS)], every_s=1.0)
_SAME = _Burst(lambda number: [f"dev:same-{number}"] * SAME_CODE, every_s=1.0)

FAULTS = (
    Fault(
        "starve-intake",
        "16 个慢速连接占接入内存",
        "16 slow sockets announce 4 MiB without a signature",
        _play("16 slow sockets", _slow_sockets),
    ),
    Fault(
        "starve-pages",
        "800 次页面请求，窗口关闭",
        "800 page loads with closed HTTP/2 windows",
        _play("800 page loads", _closed_windows("/docs/scalar.js")),
    ),
    Fault(
        "starve-documents",
        "800 次接口文档请求，窗口关闭",
        "800 loads of an OpenAPI document with closed windows",
        _play("800 document loads", _closed_windows("/api/v1/accounts/openapi.json")),
    ),
    Fault(
        "starve-log-ins",
        "100 次错误登录同时到达",
        "100 wrong log-ins at once, every second",
        _play("100 wrong log-ins at once", _WRONG),
    ),
    Fault(
        "starve-codes",
        "同一登录 code 同时提交 50 次",
        "one log-in code sent 50 times at once, every second",
        _play("one code 50 times at once", _SAME),
    ),
)
