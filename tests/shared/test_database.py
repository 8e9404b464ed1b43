"""The database behind a faulty network."""

import asyncio
import errno
import socket
import struct
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from shared import db, problems
from shared.app import build_app
from shared.consumer import RETRYABLE
from shared.db import Connection, Database, Session, driver, fetch_slow, is_protocol_broken
from shared.problems import is_transient
from shared.settings import ServiceSettings
from tests.chaos.proxy import FaultMode, FaultProxy

TIMEOUT_S = 0.5
_FATAL_MESSAGE = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0"
# A backend's last message, as it goes over the wire.
FATAL_MESSAGE = b"E" + struct.pack("!i", 4 + len(_FATAL_MESSAGE)) + _FATAL_MESSAGE


@pytest.fixture
async def proxy(plumbing_settings: ServiceSettings) -> AsyncIterator[FaultProxy]:
    proxy = FaultProxy(urlsplit(plumbing_settings.database_url).port or 0)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
async def database(proxy: FaultProxy, plumbing_settings: ServiceSettings) -> AsyncIterator[Database]:
    """A database with one connection through the proxy and a short timeout."""
    parts = urlsplit(plumbing_settings.database_url)
    place = f"{parts.netloc.rpartition(':')[0]}:{proxy.port}"
    found = Database(urlunsplit(parts._replace(netloc=place)), pool_size=1, command_timeout_s=TIMEOUT_S)
    yield found
    await found.stop()


async def one(database: Database) -> int:
    async with database.transaction() as session:
        return int(await session.scalar(text("SELECT 1")) or 0)


async def test_a_connection_to_a_vanished_server_is_noticed_and_replaced(database: Database, proxy: FaultProxy) -> None:
    assert await one(database) == 1
    assert proxy.half_open_all() == 1
    started = time.monotonic()
    with pytest.raises(RETRYABLE):
        await one(database)
    assert time.monotonic() - started < 4 * TIMEOUT_S
    assert await one(database) == 1


async def test_a_timeout_on_one_connection_invalidates_the_pool(
    proxy: FaultProxy, plumbing_settings: ServiceSettings
) -> None:
    """Otherwise a pool of ten fails ten callers, each after the full timeout."""
    parts = urlsplit(plumbing_settings.database_url)
    place = f"{parts.netloc.rpartition(':')[0]}:{proxy.port}"
    database = Database(urlunsplit(parts._replace(netloc=place)), pool_size=6, command_timeout_s=TIMEOUT_S)
    together = asyncio.Barrier(6)

    async def hold() -> None:
        async with database.transaction() as session:
            await session.scalar(text("SELECT 1"))
            await together.wait()

    await asyncio.gather(*(hold() for _ in range(6)))
    assert proxy.half_open_all() == 6
    with pytest.raises(RETRYABLE):
        await one(database)
    assert [await one(database) for _ in range(6)] == [1] * 6
    await database.stop()


async def test_idle_connections_to_a_vanished_server_are_replaced_before_a_request_needs_them(
    proxy: FaultProxy, plumbing_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order crosses three services: it must not meet three dead pools one after the other."""
    monkeypatch.setattr(db, "_WATCH_EVERY_S", 0.1)
    monkeypatch.setattr(db, "_WATCH_SILENCE_S", 0.3)
    parts = urlsplit(plumbing_settings.database_url)
    place = f"{parts.netloc.rpartition(':')[0]}:{proxy.port}"
    behind = plumbing_settings.model_copy(update={"database_url": urlunsplit(parts._replace(netloc=place))})
    app = build_app(service="sample", settings=behind, routers=[], title_zh="样本", title_en="Sample")
    together = asyncio.Barrier(6)

    async def hold() -> None:
        async with app.state.db.transaction() as session:
            await session.scalar(text("SELECT 1"))
            await together.wait()

    async with app.router.lifespan_context(app):
        await asyncio.gather(*(hold() for _ in range(6)))
        assert proxy.half_open_all() >= 6
        await asyncio.sleep(1)
        assert [await one(app.state.db) for _ in range(8)] == [1] * 8


async def test_a_transaction_cut_off_before_its_commit_is_an_error_and_leaves_a_usable_pool(
    database: Database, proxy: FaultProxy
) -> None:
    started = time.monotonic()

    async def cut_off() -> None:
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
            proxy.half_open_all()

    with pytest.raises(RETRYABLE):
        await cut_off()
    assert time.monotonic() - started < 8 * TIMEOUT_S
    assert await one(database) == 1


async def test_a_broken_protocol_is_an_error_and_its_connection_is_dropped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a server that dies in the middle of an answer: the connection looks open, but is unusable."""

    async def backend() -> int:
        async with database.transaction() as session:
            return int(await session.scalar(text("SELECT pg_backend_pid()")) or 0)

    first = await backend()
    with monkeypatch.context() as planted:

        def lost(*_: object, **__: object) -> None:
            raise asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")

        planted.setattr(asyncpg.Connection, "transaction", lost)
        with pytest.raises(RETRYABLE) as caught:
            await backend()
    assert is_protocol_broken(caught.value)
    assert is_transient(caught.value)
    assert await backend() != first


async def answer_of(database: Database, *, breaks: BaseException | None = None) -> httpx.Response:
    """Return the answer of a route that reads one value from `database`, or raises `breaks`."""
    app = FastAPI()
    app.state.db = database
    problems.install(app)

    @app.get("/")
    async def read_pid(session: Session) -> int:
        if breaks is not None:
            raise breaks
        return int(await session.scalar(text("SELECT pg_backend_pid()")) or 0)

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://sample.test") as client:
        return await client.get("/")


async def test_a_fatal_message_on_an_idle_connection_is_a_503_and_closes_it(database: Database) -> None:
    """A killed server sends FATAL to idle clients, and the connection may be used before the driver sees its end."""
    async with database.transaction() as session:
        idle: Any = await driver(session)
        first = await session.scalar(text("SELECT pg_backend_pid()"))
    idle._protocol.data_received(FATAL_MESSAGE)
    assert not idle.is_closed()
    refused = await answer_of(database)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    answer = await answer_of(database)
    assert answer.status_code == 200
    assert answer.json() != first


async def test_the_driver_connection_works_inside_the_transaction_of_the_session(database: Database) -> None:
    async with database.transaction() as session:
        connection: Connection = await driver(session)
        own = await connection.fetchval("SELECT pg_current_xact_id()::text")
        assert await session.scalar(text("SELECT pg_current_xact_id()::text")) == own


@pytest.mark.parametrize(
    "failure",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        OSError(errno.ENETUNREACH, "Network is unreachable"),
        OSError(errno.EHOSTUNREACH, "No route to host"),
        ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed"),
    ],
    ids=repr,
)
async def test_a_server_that_cannot_be_reached_is_a_503(failure: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", fail, raising=False)
    database = Database("postgresql://nobody@database.test/nothing")
    refused = await answer_of(database)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    await database.stop()


async def test_a_server_that_refuses_on_both_addresses_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    """One refused address raises ConnectionRefusedError; for two, asyncio raises OSError without a number."""

    async def both(*_: object, **__: object) -> list[tuple[Any, ...]]:
        v6 = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0))
        return [v6, (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both, raising=False)
    database = Database("postgresql://nobody@database.test/nothing")
    assert (await answer_of(database)).status_code == 503
    await database.stop()


@pytest.mark.parametrize(
    "bug", [FileNotFoundError(errno.ENOENT, "No such file"), PermissionError(errno.EACCES, "Denied")], ids=repr
)
async def test_a_system_error_of_a_local_file_is_a_500(database: Database, bug: OSError) -> None:
    answer = await answer_of(database, breaks=bug)
    assert answer.status_code == 500


async def test_an_answer_that_arrives_byte_by_byte_is_read(database: Database, proxy: FaultProxy) -> None:
    assert await one(database) == 1
    proxy.mode = FaultMode.SLICE
    assert await one(database) == 1


async def test_fetch_slow_waits_for_its_timeout_and_no_longer(database: Database) -> None:
    sql = "SELECT CAST(:words AS text), pg_sleep(:seconds)"
    async with database.transaction() as session:
        rows = await fetch_slow(session, sql, {"seconds": 2.5 * TIMEOUT_S, "words": "waited"}, timeout_s=3)
        assert rows[0][0] == "waited"

    async def longer_still() -> None:
        async with database.transaction() as session:
            await fetch_slow(session, sql, {"seconds": 5.0, "words": "in vain"}, timeout_s=1)

    with pytest.raises(RETRYABLE):
        await longer_still()
    assert await one(database) == 1
