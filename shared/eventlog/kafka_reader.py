"""Reads from Kafka with consumers without a group, positioned by `assign` and `seek`.

Several `fetch` calls may be under way at a time, for different partitions: each has its own reader. A reader keeps its
assignment between calls, because a change discards the records fetched ahead, and seeks only if the requested position
is not its own. It is replaced if the broker answers other requests but not its fetches: aiokafka's fetch loop can hang
silently after the restart of a broker.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from shared.eventlog.errors import LogUnavailable
from shared.eventlog.kafka_client import close_client, kafka_partition, new_consumer, start_client
from shared.eventlog.port import StoredRecord, TopicPartition

FETCH_WAIT_MS = 500
FETCH_BYTES_MAX = 16 * 1024 * 1024
PARTITION_FETCH_BYTES_MAX = 2 * 1024 * 1024  # more than the largest batch that a broker accepts by default
READERS_MAX = 8
REUSE_AFTER_S = 5.0
"""An idle reader of other partitions is reused after this time only: its user may be between two polls."""
SILENT_S = 2.0
"""An idle fetch loop gets an answer every FETCH_WAIT_MS. After four missed answers the broker is probed."""
STALLED_S = 10.0
PROBE_TIMEOUT_S = 1.0

_log = structlog.get_logger(__name__)


class OutOfRange(Exception):
    """The broker has no record at the requested position."""


class _Reader:
    def __init__(self, options: dict[str, Any]) -> None:
        self.consumer: Any = new_consumer(
            **options,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            fetch_max_bytes=FETCH_BYTES_MAX,
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES_MAX,
        )
        self.partitions: frozenset[TopicPartition] = frozenset()
        self.used_at = time.monotonic()
        self._positions: dict[TopicPartition, int] = {}
        self._names: dict[TopicPartition, Any] = {}
        # When the broker of each partition last answered: aiokafka's mark, and our clock.
        self._answered: dict[TopicPartition, tuple[int, float]] = {}

    def move_to(self, positions: Mapping[TopicPartition, int]) -> None:
        """Has no await: between `assign` and `seek` the fetch loop must not see a partition without a position."""
        if self.partitions != positions.keys():
            self.partitions = frozenset(positions)
            self._names = {tp: kafka_partition(tp) for tp in positions}
            self._positions = {}
            self._answered = dict.fromkeys(positions, (0, time.monotonic()))
            self.consumer.assign(list(self._names.values()))
        for tp, position in positions.items():
            if self._positions.get(tp) != position:
                self.consumer.seek(self._names[tp], position)
                self._positions[tp] = position

    def forget_position(self) -> None:
        """Make the next read seek. For use after an interrupted read."""
        self._positions = {}

    async def read(self, max_records: int, max_wait_s: float) -> dict[TopicPartition, list[StoredRecord]]:
        found = await self._take(self.partitions, max_records)
        if not found and max_wait_s > 0:
            # aiokafka's max_records is a total, so the partitions left out by this call are read once more.
            first = await self.consumer.getmany(timeout_ms=int(max_wait_s * 1000), max_records=max_records)
            found = self._converted(first)
            if found:
                found |= await self._take(self.partitions - found.keys(), max_records)
        for tp, records in found.items():
            self._positions[tp] = records[-1].offset + 1
        return found

    async def _take(
        self, partitions: Iterable[TopicPartition], max_records: int
    ) -> dict[TopicPartition, list[StoredRecord]]:
        """Return the records fetched ahead, without waiting."""
        found: dict[TopicPartition, list[StoredRecord]] = {}
        for tp in partitions:
            found |= self._converted(await self.consumer.getmany(self._names[tp], max_records=max_records))
        return found

    def _converted(self, fetched: Mapping[Any, list[Any]]) -> dict[TopicPartition, list[StoredRecord]]:
        converted = {}
        for name, records in fetched.items():
            tp = TopicPartition(name.topic, name.partition)
            converted[tp] = [
                StoredRecord(
                    name.topic,
                    name.partition,
                    record.offset,
                    record.key,
                    record.value,
                    record.headers,
                    datetime.fromtimestamp(record.timestamp / 1000, UTC),
                )
                for record in records
            ]
        return {tp: records for tp, records in converted.items() if records}

    def silent_s(self, found: Collection[TopicPartition]) -> float:
        """Return the longest time that a partition without unread records has had no answer."""
        now = time.monotonic()
        for tp, name in self._names.items():
            mark = self.consumer.last_poll_timestamp(name) or 0
            if tp in found or mark != self._answered[tp][0]:
                self._answered[tp] = (mark, now)
        return now - min(at for _, at in self._answered.values())

    async def broker_answers(self) -> bool:
        """Whether a broker answers a request other than a fetch."""
        try:
            await asyncio.wait_for(self.consumer.topics(), PROBE_TIMEOUT_S)
        except (KafkaError, TimeoutError):
            return False
        return True


class KafkaReaders:
    """A pool of readers, each used by one fetch at a time."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._idle: list[_Reader] = []
        self._count = 0
        self._stopped = False
        self._freed = asyncio.Condition()

    async def fetch(
        self, positions: Mapping[TopicPartition, int], max_records: int, max_wait_s: float
    ) -> dict[TopicPartition, list[StoredRecord]]:
        """Fetch as EventLog.fetch, but raise OutOfRange instead of PositionLost."""
        reader = await self._lend(positions)
        healthy = False
        try:
            reader.move_to(positions)
            found = await reader.read(max_records, max_wait_s)
            silent_s = reader.silent_s(found.keys())
            if silent_s > SILENT_S and not await reader.broker_answers():
                raise LogUnavailable(f"no Kafka broker has answered for {silent_s:.0f} s")
            if silent_s > STALLED_S:
                raise LogUnavailable("the Kafka consumer had stalled and was replaced")
            healthy = True
        except OffsetOutOfRangeError as error:
            reader.forget_position()
            healthy = True
            raise OutOfRange from error
        except KafkaError as error:
            raise LogUnavailable(f"Kafka does not answer: {error!r}"[:300]) from error
        except asyncio.CancelledError:
            reader.forget_position()
            healthy = True
            raise
        finally:
            await self._give_back(reader, keep=healthy)
        return found

    def resume(self) -> None:
        """Allow reading again after `stop`."""
        self._stopped = False

    async def stop(self) -> None:
        """Close the idle readers. Readers in use are closed when they are returned."""
        self._stopped = True
        while self._idle:
            await self._discard(self._idle.pop())

    async def _lend(self, positions: Mapping[TopicPartition, int]) -> _Reader:
        async with self._freed:
            while True:
                reader = self._suitable(frozenset(positions))
                if reader is not None:
                    self._idle.remove(reader)
                    return reader
                if self._count < READERS_MAX:
                    self._count += 1
                    break
                await self._freed.wait()
        reader = _Reader(self._options)
        try:
            await start_client(reader.consumer)
        except BaseException:
            await self._discard(reader)
            raise
        return reader

    def _suitable(self, partitions: frozenset[TopicPartition]) -> _Reader | None:
        for reader in self._idle:
            if reader.partitions == partitions:
                return reader
        longest = min(self._idle, key=lambda reader: reader.used_at, default=None)
        full = self._count >= READERS_MAX
        if longest is not None and (full or time.monotonic() - longest.used_at > REUSE_AFTER_S):
            return longest
        return None

    async def _give_back(self, reader: _Reader, *, keep: bool) -> None:
        if not keep:
            _log.warning("kafka_consumer_replaced", partitions=len(reader.partitions))
        if self._stopped or not keep:
            await self._discard(reader)
            return
        reader.used_at = time.monotonic()
        self._idle.append(reader)
        async with self._freed:
            self._freed.notify()

    async def _discard(self, reader: _Reader) -> None:
        self._count -= 1
        await close_client(reader.consumer)
        async with self._freed:
            self._freed.notify()
