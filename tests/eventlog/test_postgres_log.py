"""Behaviour of the embedded log only: housekeeping, and outcomes that a database can produce on purpose."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from shared.eventlog import (
    BackPressure,
    LogUnavailable,
    PositionLost,
    PublishOutcomeUnknown,
    Record,
    TopicPartition,
    open_event_log,
)
from shared.eventlog.postgres import BATCH_BYTES, BATCH_RECORDS, PostgresEventLog
from tests.databases import Dsns, make_database
from tests.eventlog.conftest import numbered, partitions_of, read_all


@pytest.fixture
async def log(postgres_log: Dsns) -> AsyncIterator[PostgresEventLog]:
    opened = PostgresEventLog(postgres_log.event_log, client_id="embedded", in_flight_records_max=10)
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
async def admin(postgres_log: Dsns) -> AsyncIterator["asyncpg.Connection[Any]"]:
    connection = await asyncpg.connect(postgres_log.admin)
    yield connection
    await connection.close()


async def test_processes_that_start_together_create_the_tables_once(postgres_admin_dsn: str, topic: str) -> None:
    dsns = make_database(postgres_admin_dsn, "eventlog_fresh", [])
    logs = [open_event_log(dsns.event_log, client_id=f"start-{n}") for n in range(5)]
    await asyncio.gather(*(each.ensure_topic(topic, partitions=2) for each in logs))
    await asyncio.gather(*(each.publish(topic, numbered(4)) for each in logs))
    assert len(await read_all(logs[0], topic, 2)) == 20
    await asyncio.gather(*(each.stop() for each in logs))


async def test_fetching_trimmed_records_raises_position_lost(log: PostgresEventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=1)
    await log.publish(topic, numbered(8))
    only = TopicPartition(topic, 0)
    assert await log.trim(retention=timedelta(hours=1)) == 0
    await log.trim(retention=timedelta(0))
    await log.publish(topic, numbered(2, start=8))
    assert await log.begin_offsets([only]) == {only: 8}
    with pytest.raises(PositionLost, match="offset 3, the log has 8 to 10"):
        await log.fetch({only: 3}, max_records=5, max_wait_s=1)
    assert [(record.offset, record.value) for record in await read_all(log, topic, 1)] == [(8, b"8"), (9, b"9")]


async def test_a_log_of_an_earlier_release_keeps_its_records_and_offsets(postgres_admin_dsn: str, topic: str) -> None:
    """In that release every record had its own row."""
    dsns = make_database(postgres_admin_dsn, "eventlog_earlier", [])
    earlier = open_event_log(dsns.event_log, client_id="earlier")
    await earlier.ensure_topic(topic, partitions=1)
    await earlier.stop()
    admin = await asyncpg.connect(dsns.admin)
    await admin.execute("ALTER TABLE eventlog.record DROP COLUMN batch, DROP COLUMN records")
    await admin.execute(
        'INSERT INTO eventlog.record (topic_id, partition, "offset", appended_at, key, value)'
        " SELECT topic_id, 0, n, now(), 'k', n::text::bytea"
        " FROM eventlog.topic, generate_series(0, 4) AS n WHERE name = $1",
        topic,
    )
    await admin.execute("UPDATE eventlog.partition SET next_offset = 5")
    await admin.close()
    log = open_event_log(dsns.event_log, client_id="later")
    await log.publish(topic, numbered(6, start=5))
    only = TopicPartition(topic, 0)
    for start in range(11):
        found = await log.fetch({only: start}, max_records=4, max_wait_s=1)
        assert [(record.offset, record.value) for record in found[only]] == [
            (n, b"%d" % n) for n in range(start, min(start + 4, 11))
        ]
    await log.stop()


async def test_batches_are_limited_by_records_and_by_bytes(log: PostgresEventLog, topic: str) -> None:
    roomy = PostgresEventLog(log._dsn, client_id="roomy")
    await roomy.ensure_topic(topic, partitions=1)
    large = [Record(key=b"k", value=b"x" * (BATCH_BYTES // 3)) for _ in range(7)]
    await roomy.publish(topic, [*numbered(2 * BATCH_RECORDS + 1), *large])
    connection = await asyncpg.connect(log._dsn)
    rows = await connection.fetch(
        'SELECT records FROM eventlog.record JOIN eventlog.topic USING (topic_id) WHERE name = $1 ORDER BY "offset"',
        topic,
    )
    await connection.close()
    assert [row["records"] for row in rows] == [BATCH_RECORDS, BATCH_RECORDS, 3, 3, 2]
    assert len(await read_all(roomy, topic, 1)) == 2 * BATCH_RECORDS + 8
    await roomy.stop()


async def test_compaction_keeps_the_last_record_of_every_key(log: PostgresEventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=1, compacted=True)
    rounds = [Record(b"a", b"1"), Record(b"b", b"1"), Record(b"a", b"2"), Record(b"b", None), Record(b"a", b"3")]
    await log.publish(topic, rounds)
    assert await log.trim() == 3
    stored = await read_all(log, topic, 1)
    assert [(record.offset, record.key, record.value) for record in stored] == [(3, b"b", None), (4, b"a", b"3")]
    only = TopicPartition(topic, 0)
    for start in range(5):  # a consumer inside the compacted range continues
        found = await log.fetch({only: start}, max_records=10, max_wait_s=1)
        assert [record.offset for record in found[only]] == [offset for offset in (3, 4) if offset >= start]
    await log.trim(retention=timedelta(0))  # the tombstone has been seen by everybody
    assert [record.key for record in await read_all(log, topic, 1)] == [b"a"]


async def test_a_call_that_times_out_is_unknown_and_may_still_be_written(
    log: PostgresEventLog, topic: str, admin: "asyncpg.Connection[Any]"
) -> None:
    await log.ensure_topic(topic, partitions=1)
    async with admin.transaction():
        await _lock(admin, topic)
        with pytest.raises(PublishOutcomeUnknown):
            await log.publish(topic, numbered(1), timeout_s=0.2)
        with pytest.raises(LogUnavailable, match="nothing was written"):
            await log.publish(topic, numbered(1, start=100), timeout_s=0.1)
        waiting_call = asyncio.create_task(log.publish(topic, numbered(9, start=1), timeout_s=10))
        await asyncio.sleep(0.05)
        with pytest.raises(BackPressure):
            await log.publish(topic, numbered(1, start=100), timeout_s=0.1)
    await waiting_call
    assert [record.value for record in await read_all(log, topic, 1)] == [b"%d" % n for n in range(10)]


async def test_a_connection_lost_during_the_append_is_unknown(
    log: PostgresEventLog, topic: str, admin: "asyncpg.Connection[Any]"
) -> None:
    await log.ensure_topic(topic, partitions=1)
    async with admin.transaction():
        await _lock(admin, topic)
        call = asyncio.create_task(log.publish(topic, numbered(1), timeout_s=10))
        await asyncio.sleep(0.2)
        ended = await admin.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'eventlog embedded' AND wait_event_type = 'Lock'"
        )
        assert len(ended) == 1
        with pytest.raises(PublishOutcomeUnknown, match="same ids"):
            await call
    await log.publish(topic, numbered(1, start=5))
    assert [record.value for record in await read_all(log, topic, 1)] == [b"5"]


async def test_an_append_that_the_server_refused_was_not_written(
    log: PostgresEventLog, topic: str, admin: "asyncpg.Connection[Any]"
) -> None:
    await log.ensure_topic(topic, partitions=1)
    async with admin.transaction():
        await _lock(admin, topic)
        call = asyncio.create_task(log.publish(topic, numbered(1), timeout_s=10))
        await asyncio.sleep(0.2)
        await admin.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'eventlog embedded' AND wait_event_type = 'Lock'"
        )
        with pytest.raises(LogUnavailable):
            await call
    assert await read_all(log, topic, 1) == []


async def test_readers_recover_when_their_connections_are_cut(
    log: PostgresEventLog, topic: str, admin: "asyncpg.Connection[Any]"
) -> None:
    await log.ensure_topic(topic, partitions=1)
    only = TopicPartition(topic, 0)
    assert await log.fetch({only: 0}, max_records=1, max_wait_s=0.1) == {}
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'eventlog embedded'"
    )
    while True:
        with contextlib.suppress(PublishOutcomeUnknown, LogUnavailable):  # until the last cut connection was noticed
            await log.publish(topic, numbered(1))
            break
    assert (await log.fetch({only: 0}, max_records=1, max_wait_s=5))[only][0].value == b"0"


async def test_progress_is_stored_for_operators(
    log: PostgresEventLog, topic: str, admin: "asyncpg.Connection[Any]"
) -> None:
    await log.ensure_topic(topic, partitions=2)
    first, second = partitions_of(topic, 2)
    await log.record_progress("reader", {first: 3, second: 1})
    await log.record_progress("reader", {first: 5})
    await log.stop()  # writes pending progress
    rows = await admin.fetch(
        "SELECT partition, position FROM eventlog.progress WHERE topic = $1 ORDER BY partition", topic
    )
    assert [tuple(row) for row in rows] == [(0, 5), (1, 1)]


async def _lock(admin: "asyncpg.Connection[Any]", topic: str) -> None:
    await admin.execute(
        "SELECT 1 FROM eventlog.partition JOIN eventlog.topic USING (topic_id) WHERE name = $1 FOR UPDATE OF partition",
        topic,
    )
