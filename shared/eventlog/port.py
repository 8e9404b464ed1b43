"""The event log as the services see it: append durably, read from an offset. Kafka and an embedded log implement it."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from shared.eventlog.errors import RecordTooLarge

RECORD_BYTES_MAX = 512 * 1024
"""Key, value and headers together: half of what a Kafka broker accepts by default in one batch."""

RETENTION = timedelta(days=7)
"""How long records stay readable: a consumer may be broken over a week of holidays. Compacted topics keep the last
record of every key for ever, and a tombstone this long."""

PUBLISH_TIMEOUT_S = 5.0
_RECORD_OVERHEAD_BYTES = 32
_HEADER_OVERHEAD_BYTES = 8


class Record(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is published. `value` None is a tombstone: on a compacted topic the key disappears in time.

    Encoded as [key, value, headers]: so it lies in outboxes and in the embedded log.
    """

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class TopicPartition(msgspec.Struct, frozen=True, order=True, gc=False):
    """One ordered sequence of records."""

    topic: str
    partition: int


class StoredRecord(msgspec.Struct, frozen=True, gc=False):
    """What is read. `appended_at` is the log's own clock when it took the record, aware, in UTC."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    appended_at: datetime


class EventLog(Protocol):
    """Order holds per partition, hence per key. Every method may raise LogUnavailable unless it says otherwise.

    An object recovers by itself when the log comes back; it is never necessary to make a new one.
    """

    async def start(self) -> None:
        """Prepares the object. Never raises because the log is away: `ping` tells. May be called again."""

    async def stop(self) -> None:
        """Lets what is in flight finish, for a bounded time, and closes all connections. May be called again."""

    async def ensure_topic(self, topic: str, *, partitions: int, compacted: bool = False) -> None:
        """Creates the topic if it is missing. Raises TopicMismatch when it exists with another shape."""

    async def partition_count(self, topic: str) -> int:
        """Raises UnknownTopic."""

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float = PUBLISH_TIMEOUT_S) -> None:
        """Returns when every record is durable: acknowledged by all in-sync replicas, or committed.

        Raises LogUnavailable and BackPressure (nothing was written, for sure), PublishOutcomeUnknown (publish again
        with the same ids), UnknownTopic, RecordTooLarge.
        """

    async def fetch(
        self, positions: Mapping[TopicPartition, int], *, max_records: int, max_wait_s: float
    ) -> dict[TopicPartition, list[StoredRecord]]:
        """The next records from these offsets on, at most `max_records` per partition and bounded in bytes.

        Partitions without news are left out. With no news at all waits up to `max_wait_s`, then returns an empty dict.
        Offsets may have gaps (compaction); the next position is the last offset + 1. Raises PositionLost, UnknownTopic.
        """

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Per partition the offset that the next record will get."""

    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Per partition the first offset that can still be read."""

    async def record_progress(self, consumer: str, positions: Mapping[TopicPartition, int]) -> None:
        """Tells lag tools how far a consumer is. A courtesy: written later, maybe never; does not raise."""

    async def trim(self) -> int:
        """One bounded round of forgetting what RETENTION and compaction no longer ask for; returns removed records.

        Brokers do it by themselves: Kafka always answers 0. Call it now and then until it answers 0.
        """

    async def ping(self) -> None:
        """For readiness: raises LogUnavailable when the log does not answer."""


def partition_for(key: bytes, partitions: int) -> int:
    """The partition of a key, the same in every adapter and, by the polynomial of zlib, in every language."""
    return zlib.crc32(key) % partitions


def record_bytes(record: Record) -> int:
    """Size for bounds; raises RecordTooLarge above RECORD_BYTES_MAX."""
    size = _RECORD_OVERHEAD_BYTES + len(record.key) + len(record.value or b"")
    for name, value in record.headers:
        size += _HEADER_OVERHEAD_BYTES + len(name) + len(value)
    if size > RECORD_BYTES_MAX:
        raise RecordTooLarge(f"a record of {size} bytes exceeds the limit of {RECORD_BYTES_MAX}")
    return size
