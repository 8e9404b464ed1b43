"""Publishing what a transaction decided: a row beside the effect, sent to the log by one relay afterwards.

At least once, in the order of commit per key as long as writers of one key exclude each other by a row lock; readers
recognise a repeat by the ids inside. One row holds all records of one transaction and topic: a batch of thousands of
outcomes costs one insert.
"""

import asyncio
from collections.abc import Sequence

import msgspec
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import telemetry
from shared.db import Database
from shared.eventlog import EventLog, Record
from shared.eventlog.errors import EventLogError

RELAY_ROWS_MAX = 20
_IDLE_S = 0.05
_FAILURE_PAUSE_S = 1.0
_LOCK_KEY = 0x6F7574626F78  # "outbox": one relay per schema; the schema's oid is the second half of the key

_log = structlog.get_logger(__name__)
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[Record]).decode


async def add(session: AsyncSession, schema: str, topic: str, records: Sequence[Record]) -> None:
    """Stores records to be published once this transaction is committed."""
    if not records:
        return
    await session.execute(
        text(f'INSERT INTO "{schema}".outbox (topic, records) VALUES (:topic, :records)'),
        {"topic": topic, "records": _pack(records)},
    )


class OutboxRelay:
    """Moves outbox rows of one schema to the log. Several may run; an advisory lock lets one work at a time."""

    def __init__(self, schema: str, database: Database, log: EventLog) -> None:
        self._schema = schema
        self._database = database
        self._log = log
        self._is_empty = text(f'SELECT NOT EXISTS (SELECT 1 FROM "{schema}".outbox)')
        self._try_lock = text(
            f"SELECT pg_try_advisory_xact_lock({_LOCK_KEY & 0x7FFFFFFF},"
            " (SELECT oid::int FROM pg_namespace WHERE nspname = :schema))"
        ).bindparams(schema=schema)
        self._oldest = text(f'SELECT id, topic, records FROM "{schema}".outbox ORDER BY id LIMIT {RELAY_ROWS_MAX}')
        self._remove = text(f'DELETE FROM "{schema}".outbox WHERE id = ANY(:ids)')

    async def run(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                moved = await self.relay_once()
                pause_s = 0.0 if moved else _IDLE_S
            except (EventLogError, OSError) as exc:
                _log.warning("outbox_waits_for_log", error=repr(exc))
                pause_s = _FAILURE_PAUSE_S
            except Exception as exc:
                _log.warning("outbox_relay_failed", error=repr(exc))
                pause_s = _FAILURE_PAUSE_S
            if pause_s:
                await asyncio.sleep(pause_s)

    async def relay_once(self) -> int:
        """Publishes the oldest rows and removes them; returns how many rows were moved."""
        # An idle relay asks twenty times a second: one round trip, not a transaction of five.
        if await self._database.look(self._is_empty):
            telemetry.OUTBOX_PENDING.labels(self._schema).set(0)
            return 0
        async with self._database.transaction() as session:
            if not await session.scalar(self._try_lock):
                return 0
            rows = (await session.execute(self._oldest)).all()
            telemetry.OUTBOX_PENDING.labels(self._schema).set(len(rows))
            if not rows:
                return 0
            for topic, records in _by_topic([(row.topic, row.records) for row in rows]):
                await self._log.publish(topic, records)
            await session.execute(self._remove, {"ids": [row.id for row in rows]})
        return len(rows)


def _by_topic(rows: Sequence[tuple[str, bytes]]) -> list[tuple[str, list[Record]]]:
    grouped: dict[str, list[Record]] = {}
    for topic, packed in rows:
        grouped.setdefault(topic, []).extend(_unpack(packed))
    return list(grouped.items())
