"""Nobody takes another's place in the intake: the small form of `make chaos FAULTS=starve`."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from services.ingest import signed
from services.ingest.in_flight import (
    BYTES_MAX,
    READING_BYTES_MAX,
    REQUESTS_MAX,
    UNKNOWN_PER_ADDRESS_MAX,
    UNKNOWN_REQUESTS_MAX,
    InFlightLimit,
    IntakeBusy,
    Sender,
)
from services.ingest.main import create_app
from services.ingest.settings import Settings
from shared import clock
from shared.auth import cp1
from shared.settings import MIB
from tests.ingest.samples import EVENTS, PartnerClient, event, secret_of
from tests.starving import compare

pytestmark = pytest.mark.longer

IMPORTS = "/api/v1/ingest/imports"
PART = 4 * MIB
SOCKETS = 16


@pytest.fixture(scope="module")
async def port(seeded: Settings, jwks_transport: httpx.MockTransport) -> AsyncIterator[int]:
    """The service behind real sockets."""
    app: FastAPI = create_app(seeded, jwks_transport=jwks_transport)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    running = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    number: int = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{number}", trust_env=False) as client:
        while (await client.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.05)
    yield number
    server.should_exit = True
    await running


def header(app_key: str, *, path: str = IMPORTS, age_s: int = 0, secret: str = "", algorithm: str = "") -> str:
    made = cp1.authorization(
        app_key=app_key,
        secret=secret or secret_of(app_key),
        method="POST",
        target=path,
        timestamp=int(clock.now().timestamp()) - age_s,
        nonce=secrets.token_hex(16),
        body=b"never sent",
    )
    return made.replace(cp1.HMAC_SHA256, algorithm or cp1.HMAC_SHA256)


class SlowSender:
    """Announces a body and sends a kilobyte of it, then a byte now and then."""

    def __init__(
        self, port: int, authorization: str = "", *, path: str = IMPORTS, length: int = PART, more: str = ""
    ) -> None:
        self._port, self._path = port, path
        self._head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{more}"
        if authorization:
            self._head += f"Authorization: {authorization}\r\n"
        self.status = 0
        self.code = ""

    @asynccontextmanager
    async def sending(self, *, every_s: float = 0.3) -> AsyncIterator["SlowSender"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(self._head.encode() + b"Content-Type: text/csv\r\n\r\n" + b"x" * 1024)
        tasks = [asyncio.create_task(self._trickle(writer, every_s)), asyncio.create_task(self._listen(reader))]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.transport.abort()

    async def _trickle(self, writer: asyncio.StreamWriter, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            writer.write(b"x")

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        answer = await reader.read(64 * 1024)
        if answer:
            self.status = int(answer.split(b" ")[1])
            self.code = json.loads(answer.partition(b"\r\n\r\n")[2])["code"]

    async def answered(self, within_s: float) -> tuple[int, str]:
        async with asyncio.timeout(within_s):
            while not self.status:
                await asyncio.sleep(0.02)
        return self.status, self.code


Attack = Callable[[int], SlowSender]

ATTACKS: dict[str, Attack] = {
    "without a signature": SlowSender,
    "with a key that does not exist": lambda port: SlowSender(port, header("ak-nobody", secret="s" * 32)),
    "in the name of another partner": lambda port: SlowSender(port, header("ak-metro", secret="forged" * 6)),
    "as a form that may carry a key": lambda port: SlowSender(
        port, path=EVENTS, length=MIB, more="Content-Type: application/x-www-form-urlencoded\r\n"
    ),
}


@pytest.mark.parametrize("kind", ATTACKS)
async def test_b1_sixteen_slow_sockets_delay_no_partner(port: int, kind: str) -> None:
    async def attack() -> None:
        while True:
            async with AsyncExitStack() as stack:
                for _ in range(SOCKETS):
                    await stack.enter_async_context(ATTACKS[kind](port).sending())
                await asyncio.sleep(8)

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as client:
        bike = PartnerClient(client, "ak-bike")

        async def genuine(number: int) -> None:
            body = json.dumps([event(f"{kind[:4]}-{secrets.token_hex(4)}-{number}")]).encode()
            answer = await bike.post(body)
            assert answer.status_code == 202, answer.text

        figure = await compare(f"16 slow sockets {kind}", genuine, attack, times=100)
    assert not figure.starves, figure


async def test_b1_events_go_on_beside_slow_uploads_in_the_name_of_the_same_partner(port: int) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(SOCKETS):
            await stack.enter_async_context(
                SlowSender(port, header("ak-bike", secret="forged" * 6)).sending(every_s=0.05)
            )
        await asyncio.sleep(0.3)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10) as client:
            bike = PartnerClient(client, "ak-bike")
            answer = await bike.post(json.dumps([event("beside-forged")]).encode())
            assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        ("", (401, "SIGNATURE_MISSING")),
        ("Bearer abc", (401, "SIGNATURE_MALFORMED")),
        ("unknown", (401, "UNKNOWN_APP_KEY")),
        ("old", (401, "TIMESTAMP_OUT_OF_WINDOW")),
        ("algorithm", (401, "SIGNATURE_ALGORITHM_MISMATCH")),
        ("ended", (401, "KEY_EXPIRED")),
        ("later", (401, "KEY_NOT_YET_VALID")),
    ],
)
@pytest.mark.parametrize("path", [IMPORTS, EVENTS, f"{IMPORTS}/0190aaaa-0000-7000-8000-000000000000/complete"])
async def test_b1_what_the_header_shows_is_answered_before_the_body(
    port: int, authorization: str, expected: tuple[int, str], path: str
) -> None:
    made = {
        "unknown": lambda: header("ak-nobody", secret="s" * 32),
        "old": lambda: header("ak-bike", age_s=400),
        "algorithm": lambda: header("ak-bike", algorithm=cp1.ED25519),
        "ended": lambda: header("ak-ended"),
        "later": lambda: header("ak-later"),
    }
    text = made[authorization]() if authorization in made else authorization
    async with SlowSender(port, text, path=path, length=60_000).sending() as sender:
        assert await sender.answered(within_s=3) == expected


async def test_b1_a_client_that_expects_100_continue_learns_it_before_it_sends(port: int) -> None:
    """curl announces large files so. Nothing of 4 MiB is sent for a key that does not exist."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {IMPORTS} HTTP/1.1\r\nHost: x\r\nContent-Length: {PART}\r\nExpect: 100-continue\r\n"
    writer.write(f"{head}Authorization: {header('ak-nobody', secret='s' * 32)}\r\n\r\n".encode())
    async with asyncio.timeout(3):
        answer = await reader.readline()
    writer.transport.abort()
    assert answer.startswith(b"HTTP/1.1 401")


async def test_b1_announced_bytes_are_not_memory(port: int) -> None:
    """valyala/fasthttp#2408, vert-x3/vertx-web#918: a Content-Length without bytes must not allocate."""
    async with AsyncExitStack() as stack:
        forged = header("ak-bike", secret="forged" * 6)
        senders = [await stack.enter_async_context(SlowSender(port, forged).sending()) for _ in range(2)]
        huge = await stack.enter_async_context(SlowSender(port, forged, length=10**12).sending())
        assert await huge.answered(within_s=3) == (413, "PAYLOAD_TOO_LARGE")
        assert [sender.status for sender in senders] == [0, 0]


async def test_b1_a_body_without_a_length_counts_as_the_largest(port: int) -> None:
    """deshaw/wsgi-kerberos#11 reads what the header says; a chunked body says nothing."""
    limit = InFlightLimit()
    with limit.admit(PART, Sender("a/live", "1")):
        assert limit._bytes["a/live"] == PART
    body = json.dumps([event("chunked")]).encode()

    async def chunks() -> AsyncIterator[bytes]:
        yield body

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        assert (await PartnerClient(client, "ak-bike").post(chunks(), signed=body)).status_code == 202


@pytest.mark.parametrize("path", [IMPORTS, EVENTS])
async def test_b1_a_body_below_the_minimum_rate_is_ended(port: int, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed, "PATIENCE_S", 0.5)
    async with SlowSender(port, header("ak-bike", path=path), path=path, length=60_000).sending(every_s=0.05) as slow:
        assert await slow.answered(within_s=3) == (408, "BODY_TOO_SLOW")


async def test_b1_a_body_on_a_poor_line_is_taken(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the minimum rate, for longer than the patience."""
    monkeypatch.setattr(signed, "PATIENCE_S", 0.5)
    body = json.dumps([event("poor-line")]).encode()
    body += b" " * (48_000 - len(body))

    async def slowly() -> AsyncIterator[bytes]:
        for at in range(0, len(body), 3_200):
            yield body[at : at + 3_200]
            await asyncio.sleep(0.1)

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
        answer = await PartnerClient(client, "ak-bike").post(slowly(), signed=body)
        assert answer.status_code == 202, answer.text


# --- the shares themselves -----------------------------------------------------------------------------------------


def taken(
    limit: InFlightLimit, stack: AsyncExitStack, sender: Sender, n_bytes: int = 1, *, verified: bool = True
) -> int:
    """How many places the sender gets."""
    count = 0
    while True:
        try:
            place = stack.enter_context(limit.admit(n_bytes, sender))
            if verified and sender.share:
                place.verify(sender.share)
        except IntakeBusy:
            return count
        count += 1


async def test_b1_a_partner_leaves_a_quarter_to_the_others() -> None:
    limit = InFlightLimit()
    async with AsyncExitStack() as stack:
        assert taken(limit, stack, Sender("a", "1")) == REQUESTS_MAX * 3 // 4
        assert taken(limit, stack, Sender("b", "2")) == 48
        assert taken(limit, stack, Sender("c", "3")) > 0
    async with AsyncExitStack() as stack:
        assert taken(limit, stack, Sender("a", "1"), PART) == BYTES_MAX * 3 // 4 // PART
        assert taken(limit, stack, Sender("b", "2"), PART) >= 1


async def test_b1_claims_of_one_address_leave_room_to_the_partner_itself() -> None:
    limit = InFlightLimit()
    async with AsyncExitStack() as stack:
        assert taken(limit, stack, Sender("a", "attacker"), PART, verified=False) == READING_BYTES_MAX // PART
        assert taken(limit, stack, Sender("a", "partner"), PART) >= 4


async def test_b1_the_unknown_have_a_small_share_and_each_address_a_part_of_it() -> None:
    limit = InFlightLimit()
    async with AsyncExitStack() as stack:
        assert taken(limit, stack, Sender(None, "1")) == UNKNOWN_PER_ADDRESS_MAX
        crowd = sum(taken(limit, stack, Sender(None, f"crowd-{n}")) for n in range(20))
        assert crowd + UNKNOWN_PER_ADDRESS_MAX == UNKNOWN_REQUESTS_MAX
        assert taken(limit, stack, Sender("a", "1")) > REQUESTS_MAX // 2
    assert taken(limit, AsyncExitStack(), Sender(None, "1"), MIB) == UNKNOWN_PER_ADDRESS_MAX


async def test_b1_everything_is_given_back() -> None:
    limit = InFlightLimit()
    for _ in range(3):
        async with AsyncExitStack() as stack:
            taken(limit, stack, Sender("a", "1"), PART)
            taken(limit, stack, Sender(None, "2"))
            with limit.admit(1, Sender(None, "3")) as place:
                place.verify("b")
    async with AsyncExitStack() as stack:
        assert taken(limit, stack, Sender("a", "1")) == REQUESTS_MAX * 3 // 4
    assert not limit._requests
    assert not limit._reading_requests
    assert not limit._all_bytes
