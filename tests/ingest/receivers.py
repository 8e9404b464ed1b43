"""A webhook receiver on this machine, which answers as the test says and keeps what it received."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import standardwebhooks

from tests.ingest.samples import PartnerClient

WEBHOOK = "/api/v1/ingest/webhook"
DELIVERIES = "/api/v1/ingest/deliveries"

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


def answer(status: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Received:
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    def content(self, secret: str) -> Any:
        """The content, verified by the package of the specification."""
        return standardwebhooks.Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """`reply` gives the bytes of each answer. None leaves the request without an answer."""

    url: str
    port: int
    reply: Callable[[Received], bytes | None] = lambda _: OK
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    async def wait(self, count: int, timeout_s: float = 10) -> list[Received]:
        async with asyncio.timeout(timeout_s):
            while len(self.received) < count:
                await asyncio.sleep(0.02)
        return self.received

    def results(self, secret: str) -> list[dict[str, Any]]:
        return [item for one in self.received for item in one.content(secret)["data"]]


@asynccontextmanager
async def receiving(*, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                one = Received(head[0].split(" ")[1], headers, body)
                receiver.received.append(one)
                reply = receiver.reply(one)
                if reply is None:
                    await ended.wait()
                    return
                writer.write(reply or b"")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    ended = asyncio.Event()
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    receiver = Receiver(f"http://127.0.0.1:{port}/hook", port)
    try:
        yield receiver
    finally:
        ended.set()
        server.close()


def problem_code(response: Any) -> str:
    return str(json.loads(response.content)["code"])


async def call(partner: PartnerClient, method: str, target: str, body: str = "", expect: int = 200) -> Any:
    answered = await partner.send(method, target, body.encode(), headers={"Content-Type": "application/json"})
    assert answered.status_code == expect, answered.text
    return answered.json()


async def register(partner: PartnerClient, url: str) -> Any:
    return await call(partner, "PUT", WEBHOOK, f'{{"url": "{url}"}}')
