"""The embedded log: topics as rows of one PostgreSQL server, the default without Kafka.

It is as durable as a commit, ordered, and shared by any number of processes. It is not a cluster: it depends on one
PostgreSQL server, appends to one partition wait for each other, every record is also written to the write-ahead log,
and it takes cores and disk from the databases beside it. `trim` must be called: nothing else deletes old records.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from shared.eventlog import postgres_sql as sql
from shared.eventlog.errors import LogUnavailable, PositionLost, PublishOutcomeUnknown, TopicMismatch, UnknownTopic
from shared.eventlog.port import (
    PUBLISH_TIMEOUT_S,
    RETENTION,
    Record,
    StoredRecord,
    TopicPartition,
    partition_for,
)
from shared.eventlog.postgres_notify import Notifier
from shared.eventlog.progress import ProgressRecorder
from shared.eventlog.publisher import IN_FLIGHT_BYTES_MAX, IN_FLIGHT_RECORDS_MAX, Publisher

CONNECTIONS_MAX = 8  # per process: a few topics published, a few read, the rest waits
CONNECT_TIMEOUT_S = 3.0
COMMAND_TIMEOUT_S = 9.0  # twice this if the server vanished behind an open connection
WRITE_RECORDS = 5_000
WRITE_BYTES = 4 * 1024 * 1024
READ_BYTES = 4 * 1024 * 1024  # per partition and fetch
# A reader that asks for fewer records reads the same batch again for the rest.
BATCH_RECORDS = 250
BATCH_BYTES = 1024 * 1024
TRIM_ROWS = 2_000  # per partition and call of `trim`: a fraction of a second of locks

SESSION = {
    "statement_timeout": "8s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "15s",
    "jit": "off",
}
# Errors of the server or the network, not of the statement.
_UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # raised at times when the server is killed in the middle of an answer
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.UndefinedTableError,  # a fresh database: the next use creates the tables
)
_pack_headers = msgspec.msgpack.Encoder().encode
_unpack_headers = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...]).decode
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[Record]).decode


class PostgresEventLog:
    """EventLog on the schema `eventlog`, which must exist and belong to the role of the address."""

    def __init__(
        self,
        dsn: str,
        *,
        client_id: str,
        in_flight_records_max: int = IN_FLIGHT_RECORDS_MAX,
        in_flight_bytes_max: int = IN_FLIGHT_BYTES_MAX,
    ) -> None:
        self._dsn = dsn
        self._session = SESSION | {"application_name": f"eventlog {client_id}"[:63]}
        self._pool: asyncpg.Pool[Any] | None = None
        self._ready = self._stopped = False
        self._preparing = asyncio.Lock()
        self._shapes: dict[str, _Shape] = {}
        self._publisher: Publisher[str] = Publisher(
            self._append,
            batch_records=WRITE_RECORDS,
            batch_bytes=WRITE_BYTES,
            records_max=in_flight_records_max,
            bytes_max=in_flight_bytes_max,
        )
        self._notifier = Notifier(self._connect, self._execute)
        self._progress = ProgressRecorder(self._write_progress)

    async def start(self) -> None:
        self._stopped = False
        self._publisher.resume()

    async def stop(self) -> None:
        await self._publisher.stop()
        await self._progress.stop()
        await self._notifier.stop()
        self._stopped = True
        pool, self._pool, self._ready = self._pool, None, False
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), CONNECT_TIMEOUT_S)
        except _UNAVAILABLE:
            pool.terminate()

    async def ping(self) -> None:
        async with self._connection() as connection:
            await connection.execute("SELECT 1", timeout=CONNECT_TIMEOUT_S)

    # --- topics ----------------------------------------------------------------------------------------------------

    async def ensure_topic(self, topic: str, *, partitions: int, compacted: bool = False) -> None:
        async with self._connection() as connection:
            await connection.execute(sql.CREATE_TOPIC, topic, compacted, partitions)
            found = await connection.fetchrow(sql.TOPIC, topic)
        if found is None:
            raise LogUnavailable(f"topic {topic} vanished while it was being created")
        if found["partitions"] != partitions:
            raise TopicMismatch(f"topic {topic} has {found['partitions']} partitions, not {partitions}")
        if found["compacted"] != compacted:
            raise TopicMismatch(f"topic {topic} is {'' if found['compacted'] else 'not '}compacted")
        self._shapes[topic] = _Shape(partitions, compacted)

    async def partition_count(self, topic: str) -> int:
        return (await self._shape(topic)).partitions

    async def _shape(self, topic: str) -> "_Shape":
        if topic not in self._shapes:
            async with self._connection() as connection:
                found = await connection.fetchrow(sql.TOPIC, topic)
            if found is None:
                raise UnknownTopic(f"there is no topic {topic}")
            self._shapes[topic] = _Shape(found["partitions"], found["compacted"])
        return self._shapes[topic]

    # --- writing ---------------------------------------------------------------------------------------------------

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float = PUBLISH_TIMEOUT_S) -> None:
        if records:
            await self.partition_count(topic)
            await self._publisher.publish({topic: records}, timeout_s=timeout_s)

    async def _append(self, topic: str, records: Sequence[Record]) -> None:
        """Append the records of several calls in one transaction. The publisher never runs two for one topic."""
        shape = await self._shape(topic)
        parts: defaultdict[int, list[Record]] = defaultdict(list)
        for record in records:
            parts[partition_for(record.key, shape.partitions)].append(record)
        statement, columns = (
            (sql.APPEND, _record_columns(parts)) if shape.compacted else (sql.APPEND_BATCHES, _batch_columns(parts))
        )
        arguments = (topic, list(parts), [len(part) for part in parts.values()], *columns)
        sent = written = False
        try:
            async with self._connection() as connection:
                sent = True
                await connection.execute(statement, *arguments)
                written = True
        except asyncpg.NotNullViolationError as error:
            self._shapes.pop(topic, None)
            raise UnknownTopic(f"topic {topic} has lost partitions") from error
        except LogUnavailable as error:
            # After the answer, returning the connection to the pool may fail. The records are written nevertheless.
            if not written:
                if sent and not _rolled_back(error.__cause__):
                    raise PublishOutcomeUnknown(f"no answer to the append: {error}") from error
                raise
        self._notifier.notify(topic)

    # --- reading ---------------------------------------------------------------------------------------------------

    async def fetch(
        self, positions: Mapping[TopicPartition, int], *, max_records: int, max_wait_s: float
    ) -> dict[TopicPartition, list[StoredRecord]]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + max_wait_s
        if not positions:
            await asyncio.sleep(max_wait_s)
            return {}
        while True:
            with self._notifier.waiting_for(tp.topic for tp in positions) as arrival:
                found = await self._read(positions, max_records)
                left_s = deadline - loop.time()
                if found or left_s <= 0:
                    return found
                await asyncio.wait([arrival], timeout=min(left_s, self._notifier.poll_s))

    async def _read(
        self, positions: Mapping[TopicPartition, int], max_records: int
    ) -> dict[TopicPartition, list[StoredRecord]]:
        heads = await self._heads(list(positions))
        for tp, (first, following, _) in heads.items():
            if not first <= positions[tp] <= following:
                raise PositionLost(f"{tp}: asked for offset {positions[tp]}, the log has {first} to {following}")
        ahead = [tp for tp, (_, following, _) in heads.items() if following > positions[tp]]
        if not ahead:
            return {}
        asked = ([tp.topic for tp in ahead], [tp.partition for tp in ahead], [positions[tp] for tp in ahead])
        async with self._connection() as connection:
            rows = await connection.fetch(sql.READ, *asked, max_records, READ_BYTES)
        found: defaultdict[TopicPartition, list[StoredRecord]] = defaultdict(list)
        for place, offset, key, value, headers, appended_at, batch in rows:
            tp = ahead[place - 1]
            if batch is None:
                unpacked = _unpack_headers(headers) if headers else ()
                found[tp].append(StoredRecord(tp.topic, tp.partition, offset, key, value, unpacked, appended_at))
                continue
            skipped, room = max(positions[tp] - offset, 0), max_records - len(found[tp])
            found[tp] += [
                StoredRecord(tp.topic, tp.partition, number, one.key, one.value, one.headers, appended_at)
                for number, one in enumerate(_unpack(batch)[skipped : skipped + room], start=offset + skipped)
            ]
        for tp, records in found.items():
            if records[0].offset != positions[tp] and not heads[tp][2]:
                raise PositionLost(f"{tp}: offset {positions[tp]} was trimmed while it was being read")
        return dict(found)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: following for tp, (_, following, _) in (await self._heads(partitions)).items()}

    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: first for tp, (first, _, _) in (await self._heads(partitions)).items()}

    async def _heads(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, tuple[int, int, bool]]:
        async with self._connection() as connection:
            rows = await connection.fetch(
                sql.HEADS, [tp.topic for tp in partitions], [tp.partition for tp in partitions]
            )
        heads = {}
        for tp, row in zip(partitions, rows, strict=True):
            if row["next_offset"] is None:
                raise UnknownTopic(f"there is no {tp}")
            heads[tp] = (row["first_offset"], row["next_offset"], row["compacted"])
        return heads

    # --- housekeeping ----------------------------------------------------------------------------------------------

    async def record_progress(self, consumer: str, positions: Mapping[TopicPartition, int]) -> None:
        self._progress.record(consumer, positions)

    async def _write_progress(self, consumer: str, positions: Mapping[TopicPartition, int]) -> None:
        names, numbers = [tp.topic for tp in positions], [tp.partition for tp in positions]
        await self._execute(sql.STORE_PROGRESS, consumer, names, numbers, list(positions.values()))

    async def trim(self, *, retention: timedelta = RETENTION) -> int:
        """Delete at most TRIM_ROWS per partition. Compaction reads whole partitions."""
        removed = 0
        async with self._connection() as connection:
            for topic_id, partition, compacted in await connection.fetch(sql.ALL_PARTITIONS):
                statement = sql.COMPACT if compacted else sql.TRIM_BY_AGE
                removed += await connection.fetchval(statement, topic_id, partition, retention, TRIM_ROWS)
        return removed

    # --- connections -----------------------------------------------------------------------------------------------

    async def _connect(self) -> "asyncpg.Connection[Any]":
        return await asyncpg.connect(
            self._dsn, timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S, server_settings=self._session
        )

    async def _execute(self, statement: str, *arguments: object) -> None:
        async with self._connection() as connection:
            await connection.execute(statement, *arguments)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator["PoolConnectionProxy[Any]"]:
        """Lend a connection to a prepared schema. Raises LogUnavailable for errors of the server or the network."""
        try:
            pool = await self._prepared_pool()
            async with pool.acquire(timeout=CONNECT_TIMEOUT_S + 1) as connection:
                try:
                    yield connection
                except _UNAVAILABLE as error:
                    if not _rolled_back(error):
                        with contextlib.suppress(asyncpg.InterfaceError):
                            connection.terminate()  # its state is unknown: never use it again
                        await pool.expire_connections()  # its idle neighbours are probably dead too
                    raise
        except _UNAVAILABLE as error:
            if isinstance(error, asyncpg.UndefinedTableError):
                self._ready = False
            raise LogUnavailable(f"the embedded log does not answer: {error!r}"[:300]) from error

    async def _prepared_pool(self) -> "asyncpg.Pool[Any]":
        if self._stopped:
            raise LogUnavailable("the event log of this process is stopped")
        if self._pool is not None and self._ready:
            return self._pool
        async with self._preparing:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._dsn,
                    min_size=0,
                    max_size=CONNECTIONS_MAX,
                    timeout=CONNECT_TIMEOUT_S,
                    command_timeout=COMMAND_TIMEOUT_S,
                    server_settings=self._session,
                    reset=_skip_reset,
                )
            if not self._ready:
                async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S + 1) as connection, connection.transaction():
                    await connection.execute("SELECT pg_advisory_xact_lock($1)", sql.SETUP_LOCK)
                    if not await connection.fetchval(sql.IS_SET_UP):
                        await connection.execute(sql.SETUP)
                self._ready = True
            return self._pool


class _Shape(NamedTuple):
    partitions: int
    compacted: bool


def _record_columns(parts: Mapping[int, Sequence[Record]]) -> tuple[list[Any], ...]:
    """Return the columns of APPEND, one row per record."""
    rows = [
        (number, place, one.key, one.value, _pack_headers(one.headers) if one.headers else None)
        for number, part in parts.items()
        for place, one in enumerate(part)
    ]
    return tuple(list(column) for column in zip(*rows, strict=True))


def _batch_columns(parts: Mapping[int, Sequence[Record]]) -> tuple[list[Any], ...]:
    """Return the columns of APPEND_BATCHES, one row per batch of a partition."""
    rows = []
    for number, part in parts.items():
        first = 0
        for batch in _split(part):
            rows.append((number, first, len(batch), _pack(batch)))
            first += len(batch)
    return tuple(list(column) for column in zip(*rows, strict=True))


def _split(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Split into batches of at most BATCH_RECORDS and BATCH_BYTES. A single record may exceed the bytes."""
    batch: list[Record] = []
    n_bytes = 0
    for record in records:
        size = len(record.value or b"")
        if batch and (len(batch) == BATCH_RECORDS or n_bytes + size > BATCH_BYTES):
            yield batch
            batch, n_bytes = [], 0
        batch.append(record)
        n_bytes += size
    if batch:
        yield batch


async def _skip_reset(_connection: object) -> None:
    """Replaces the pool's reset, a round trip per use: our statements leave no state in the session."""


def _rolled_back(error: BaseException | None) -> bool:
    """Whether the server reported a rollback. FATAL may come after the commit, and no answer proves nothing."""
    return getattr(error, "severity_en", None) == "ERROR"
