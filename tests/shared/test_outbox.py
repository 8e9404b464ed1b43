"""The outbox relay: sharing the pool, an unavailable log, a faulty network."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from typing import cast
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import text

from shared import outbox
from shared.db import Database
from shared.eventlog import EventLog, Record
from shared.eventlog.errors import LogUnavailable
from shared.outbox import OutboxRelay
from shared.settings import ServiceSettings
from tests.chaos.proxy import FaultProxy
from tests.shared.conftest import SCHEMA

DEADLINE_S = 15.0
TIMEOUT_S = 0.5


class FakeLog:
    """A log that keeps published values. While `is_away`, it refuses them."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.values: list[bytes | None] = []
        self.is_away = False

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float = 5.0) -> None:
        if self.is_away:
            raise LogUnavailable("planted")
        self.records += records
        self.values += [record.value for record in records]


def relay(database: Database, log: FakeLog) -> OutboxRelay:
    return OutboxRelay(SCHEMA, database, cast(EventLog, log))


@contextlib.asynccontextmanager
async def running(relay: OutboxRelay) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    task = asyncio.create_task(relay.run(stopping))
    yield
    stopping.set()
    await asyncio.wait_for(task, DEADLINE_S)


async def write(database: Database, value: bytes) -> None:
    async with database.transaction() as session:
        await outbox.add(session, SCHEMA, "t", [Record(key=b"k", value=value)])


async def wait_for_value(log: FakeLog, value: bytes) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while value not in log.values:
            await asyncio.sleep(0.005)


async def test_shared_headers_follow_those_of_each_record(database: Database) -> None:
    log = FakeLog()
    shared = (("ce_type", b"t"), ("content-type", b"application/json"))
    own = [Record(b"k", b"%d" % number, (("ce_id", b"%d" % number),)) for number in range(2)]
    plain = Record(b"k", b"2", (("ce_id", b"2"),))
    async with database.transaction() as session:
        await outbox.add(session, SCHEMA, "t", own, shared_headers=shared)
        await outbox.add(session, SCHEMA, "t", [plain])
    assert await relay(database, log).relay_once() == 2
    assert log.records == [*(Record(one.key, one.value, (*one.headers, *shared)) for one in own), plain]


async def test_the_relay_returns_the_only_connection_to_the_pool_unchanged(
    plumbing_settings: ServiceSettings, database: Database
) -> None:
    log, single = FakeLog(), Database(plumbing_settings.database_url, pool_size=1)
    try:
        async with running(relay(single, log)):
            for number in range(3):
                await write(single, b"%d" % number)
        with contextlib.suppress(ZeroDivisionError):
            async with single.transaction() as session:
                await outbox.add(session, SCHEMA, "t", [Record(key=b"k", value=b"undone")])
                raise ZeroDivisionError
        while await relay(single, log).relay_once():
            pass
    finally:
        await single.stop()
    assert log.values == [b"0", b"1", b"2"]


async def test_outbox_rows_are_published_at_once_or_wait_for_an_unavailable_log(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_FAILURE_PAUSE_S", 0.1)
    log = FakeLog()
    async with running(relay(database, log)):
        await asyncio.sleep(1.2)  # longer than the relay keeps one connection
        waits = []
        for number in range(10):
            await write(database, b"%d" % number)
            started = time.monotonic()
            await wait_for_value(log, b"%d" % number)
            waits.append(time.monotonic() - started)
        assert sorted(waits)[len(waits) // 2] < 0.2
        log.is_away = True
        for number in range(10, 40):
            await write(database, b"%d" % number)
        await asyncio.sleep(0.3)
        log.is_away = False
        await wait_for_value(log, b"39")
    assert log.values == [b"%d" % number for number in range(40)]


async def test_a_vanished_server_costs_the_relay_one_timeout(
    plumbing_settings: ServiceSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "_FAILURE_PAUSE_S", 0.1)
    parts = urlsplit(plumbing_settings.database_url)
    proxy = FaultProxy(parts.port or 0)
    await proxy.start()
    place = f"{parts.netloc.rpartition(':')[0]}:{proxy.port}"
    behind = Database(urlunsplit(parts._replace(netloc=place)), pool_size=6, command_timeout_s=TIMEOUT_S)
    together, log = asyncio.Barrier(6), FakeLog()

    async def hold() -> None:
        async with behind.transaction() as session:
            await session.scalar(text("SELECT 1"))
            await together.wait()

    try:
        await asyncio.gather(*(hold() for _ in range(6)))
        async with running(relay(behind, log)):
            await asyncio.sleep(0.2)
            assert proxy.half_open_all() == 6
            started = time.monotonic()
            await write(database, b"late")
            await wait_for_value(log, b"late")
            assert time.monotonic() - started < 8 * TIMEOUT_S
    finally:
        await behind.stop()
        await proxy.stop()
