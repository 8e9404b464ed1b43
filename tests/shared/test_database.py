"""The database behind a network that lies."""

import asyncio
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from sqlalchemy import text

from shared.consumer import RETRYABLE
from shared.db import Database, confused, patiently
from shared.problems import passes
from shared.settings import ServiceSettings
from tests.chaos.proxy import FaultProxy, Mood

TIMEOUT_S = 0.5


@pytest.fixture
async def proxy(plumbing_settings: ServiceSettings) -> AsyncIterator[FaultProxy]:
    proxy = FaultProxy(urlsplit(plumbing_settings.database_url).port or 0)
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
async def database(proxy: FaultProxy, plumbing_settings: ServiceSettings) -> AsyncIterator[Database]:
    """Reaches the server through the proxy, one connection, little patience."""
    parts = urlsplit(plumbing_settings.database_url)
    place = f"{parts.netloc.rpartition(':')[0]}:{proxy.port}"
    found = Database(urlunsplit(parts._replace(netloc=place)), pool_size=1, command_timeout_s=TIMEOUT_S)
    yield found
    await found.stop()


async def one(database: Database) -> int:
    async with database.transaction() as session:
        return int(await session.scalar(text("SELECT 1")) or 0)


async def test_a_server_gone_behind_an_open_connection_is_noticed_and_replaced(
    database: Database, proxy: FaultProxy
) -> None:
    assert await one(database) == 1
    assert proxy.half_open_all() == 1
    started = time.monotonic()
    with pytest.raises(RETRYABLE):
        await one(database)
    assert time.monotonic() - started < 4 * TIMEOUT_S
    assert await one(database) == 1


async def test_one_dead_connection_condemns_all_that_are_idle(
    proxy: FaultProxy, plumbing_settings: ServiceSettings
) -> None:
    """Otherwise a pool of ten fails ten callers, each after all the patience there is."""
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


async def test_a_driver_that_lost_track_is_an_error_and_its_connection_is_dropped(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the server dies while a statement is answered: the connection looks open, and no state is left to use."""

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
    assert confused(caught.value)
    assert passes(caught.value)
    assert await backend() != first


async def test_answers_in_single_bytes_are_no_error(database: Database, proxy: FaultProxy) -> None:
    assert await one(database) == 1
    proxy.mood = Mood.SLICE
    assert await one(database) == 1


async def test_a_statement_that_needs_longer_is_given_longer_and_no_more_than_that(database: Database) -> None:
    sql = "SELECT CAST(:words AS text), pg_sleep(:seconds)"
    async with database.transaction() as session:
        rows = await patiently(session, sql, {"seconds": 2.5 * TIMEOUT_S, "words": "waited"}, timeout_s=3)
        assert rows[0][0] == "waited"

    async def longer_still() -> None:
        async with database.transaction() as session:
            await patiently(session, sql, {"seconds": 5.0, "words": "in vain"}, timeout_s=1)

    with pytest.raises(RETRYABLE):
        await longer_still()
    assert await one(database) == 1
