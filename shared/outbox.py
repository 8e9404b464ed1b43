"""The outbox: a transaction stores records beside its effect, and a relay publishes them afterwards.

Delivery is at least once; readers recognise a repeat by the ids in a record. Records of one key keep the order of their
commits if the writers of a key exclude each other by a row lock. One row holds all records of one transaction and
topic, so a batch of thousands of outcomes costs one insert. Headers that its records share are stored once.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import msgspec
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import telemetry
from shared.contracts.envelope import Headers
from shared.db import Connection, Database, is_protocol_broken
from shared.eventlog import EventLog, Record
from shared.eventlog.errors import EventLogError

RELAY_ROWS_MAX = 20
_IDLE_S = 0.05
# Taking a connection from the pool costs ten times as much as the query for new rows.
_ROUNDS_TOGETHER = 20
_FAILURE_PAUSE_S = 1.0
_LOCK_KEY = 0x6F7574626F78  # "outbox": one relay per schema; the schema's oid is the second half of the key

_log = structlog.get_logger(__name__)
_pack = msgspec.msgpack.Encoder().encode


class _Batch(msgspec.Struct):
    """Records and the headers that follow their own ones."""

    headers: Headers
    records: Sequence[Record]


# Without shared headers, a row is a list of records.
_unpack = msgspec.msgpack.Decoder(list[Record] | _Batch).decode


async def add(
    session: AsyncSession, schema: str, topic: str, records: Sequence[Record], *, shared_headers: Headers = ()
) -> None:
    """Store records to be published after this transaction is committed. Each gets the shared headers, too."""
    if not records:
        return
    await session.execute(
        text(f'INSERT INTO "{schema}".outbox (topic, records) VALUES (:topic, :records)'),
        {"topic": topic, "records": _pack(_Batch(shared_headers, records) if shared_headers else records)},
    )


class OutboxRelay:
    """Moves the outbox rows of one schema to the log. Several may run; an advisory lock admits one at a time."""

    def __init__(self, schema: str, database: Database, log: EventLog) -> None:
        self._schema = schema
        self._database = database
        self._log = log
        self._is_empty = f'SELECT NOT EXISTS (SELECT FROM "{schema}".outbox)'
        self._try_lock = (
            f"SELECT pg_try_advisory_xact_lock({_LOCK_KEY & 0x7FFFFFFF},"
            " (SELECT oid::int FROM pg_namespace WHERE nspname = $1))"
        )
        self._oldest = f'SELECT id, topic, records FROM "{schema}".outbox ORDER BY id LIMIT {RELAY_ROWS_MAX}'
        self._remove = f'DELETE FROM "{schema}".outbox WHERE id = ANY($1::bigint[])'

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                moved = await self._watch(stopping)
                pause_s = 0.0 if moved else _IDLE_S
            except (EventLogError, OSError) as exc:
                _log.warning("outbox_waits_for_log", error=repr(exc))
                pause_s = _FAILURE_PAUSE_S
            except Exception as exc:
                _log.warning("outbox_relay_failed", error=repr(exc))
                pause_s = _FAILURE_PAUSE_S
            await asyncio.sleep(pause_s)  # even a sleep of 0 lets tasks that wait for a connection go first

    async def relay_once(self) -> int:
        """Publish the oldest rows and delete them. Return their number."""
        async with self._connection() as connection:
            return await self._move(connection)

    async def _watch(self, stopping: asyncio.Event) -> int:
        """Relay several times on one connection. Return the number of rows of the last time."""
        async with self._connection() as connection:
            for _ in range(_ROUNDS_TOGETHER - 1):
                if stopping.is_set():
                    return 0
                if not await self._move(connection):
                    await asyncio.sleep(_IDLE_S)
            return await self._move(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """Take a connection from the pool, outside of a transaction."""
        async with self._database.transaction() as session:
            pooled = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
            raw = cast(Any, await pooled.get_raw_connection())
            try:
                yield raw.driver_connection
            except EventLogError:
                raise
            except BaseException as exc:
                # The pool sees no errors of raw connections: it would lend this one, or its dead neighbours, again.
                await pooled.invalidate()
                if isinstance(exc, TimeoutError) or is_protocol_broken(exc):
                    await pooled.engine.dispose()
                raise

    async def _move(self, connection: Connection) -> int:
        # An idle relay asks twenty times a second: this is one round trip, a transaction is five.
        if await connection.fetchval(self._is_empty):
            telemetry.OUTBOX_PENDING.labels(self._schema).set(0)
            return 0
        async with connection.transaction():
            if not await connection.fetchval(self._try_lock, self._schema):
                return 0
            rows = await connection.fetch(self._oldest)
            telemetry.OUTBOX_PENDING.labels(self._schema).set(len(rows))
            if not rows:
                return 0
            for topic, records in _by_topic(rows):
                await self._log.publish(topic, records)
            await connection.execute(self._remove, [row["id"] for row in rows])
        return len(rows)


def _by_topic(rows: "Sequence[asyncpg.Record]") -> list[tuple[str, list[Record]]]:
    grouped: dict[str, list[Record]] = {}
    for row in rows:
        grouped.setdefault(row["topic"], []).extend(records_in(row["records"]))
    return list(grouped.items())


def records_in(packed: bytes) -> Sequence[Record]:
    """Return the records of one row of an outbox, each with all its headers."""
    found: list[Record] | _Batch = _unpack(packed)
    if not isinstance(found, _Batch):
        return found
    return [Record(one.key, one.value, (*one.headers, *found.headers)) for one in found.records]
