"""The interface of the event log: append durably, read from an offset. Kafka and the embedded log implement it."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from shared.eventlog.errors import RecordTooLarge

RECORD_BYTES_MAX = 512 * 1024
"""Key, value and headers together: half of what a Kafka broker accepts by default in one batch."""

RETENTION = timedelta(days=7)
"""How long records stay readable: a consumer may be broken during a week of holidays. Compacted topics keep the last
record of every key for ever, and a tombstone for this time."""

PUBLISH_TIMEOUT_S = 5.0
_RECORD_OVERHEAD_BYTES = 32
_HEADER_OVERHEAD_BYTES = 8


class Record(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A record to publish. `value` None is a tombstone: on a compacted topic it deletes the key in time.

    Outboxes and the embedded log store it as [key, value, headers].
    """

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class TopicPartition(msgspec.Struct, frozen=True, order=True, gc=False):
    """One ordered sequence of records."""

    topic: str
    partition: int


class StoredRecord(msgspec.Struct, frozen=True, gc=False):
    """A record read from the log. `appended_at` is the time of the append by the log's clock, aware, in UTC."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    appended_at: datetime


class EventLog(Protocol):
    """Records are in order per partition, hence per key. Methods may raise LogUnavailable unless they say otherwise.

    An object reconnects when the log is back; a new object is never needed.
    """

    async def start(self) -> None:
        """Prepare the object. Does not raise if the log is unreachable; `ping` does. May be called again."""

    async def stop(self) -> None:
        """Wait a bounded time for records in flight, then close all connections. May be called again."""

    async def ensure_topic(self, topic: str, *, partitions: int, compacted: bool = False) -> None:
        """Create the topic if it is missing. Raises TopicMismatch if its partition count or policy differs."""

    async def partition_count(self, topic: str) -> int:
        """Raises UnknownTopic."""

    async def publish(self, topic: str, records: Sequence[Record], *, timeout_s: float = PUBLISH_TIMEOUT_S) -> None:
        """Return when every record is durable: acknowledged by all in-sync replicas, or committed.

        Raises LogUnavailable and BackPressure (nothing was written), PublishOutcomeUnknown (publish again
        with the same ids), UnknownTopic, RecordTooLarge.
        """

    async def fetch(
        self, positions: Mapping[TopicPartition, int], *, max_records: int, max_wait_s: float
    ) -> dict[TopicPartition, list[StoredRecord]]:
        """Return the next records from these offsets on, at most `max_records` per partition and bounded in bytes.

        Partitions without new records are left out. If there are none at all, wait up to `max_wait_s`, then return an
        empty dict. Offsets may have gaps (compaction); the next position is the last offset + 1.
        Raises PositionLost, UnknownTopic.
        """

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the offset of the next record of each partition."""

    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the first readable offset of each partition."""

    async def record_progress(self, consumer: str, positions: Mapping[TopicPartition, int]) -> None:
        """Report the position of a consumer to lag tools. It is written later or never; does not raise."""

    async def trim(self) -> int:
        """Delete a bounded number of records that RETENTION and compaction no longer require. Return their number.

        Call it now and then until it returns 0. Kafka brokers do this themselves: their log always returns 0.
        """

    async def ping(self) -> None:
        """Raise LogUnavailable if the log does not answer. For readiness checks."""


def partition_for(key: bytes, partitions: int) -> int:
    """Return the partition of a key. CRC-32 as in zlib, so every adapter and every language computes the same."""
    return zlib.crc32(key) % partitions


def record_bytes(record: Record) -> int:
    """Return the size that counts for limits. Raises RecordTooLarge above RECORD_BYTES_MAX."""
    size = _RECORD_OVERHEAD_BYTES + len(record.key) + len(record.value or b"")
    for name, value in record.headers:
        size += _HEADER_OVERHEAD_BYTES + len(name) + len(value)
    if size > RECORD_BYTES_MAX:
        raise RecordTooLarge(f"a record of {size} bytes exceeds the limit of {RECORD_BYTES_MAX}")
    return size
