"""Writes to Kafka with one idempotent producer, which is replaced after a failure.

aiokafka 0.14 leaves these to its user:
* An idempotent producer retries a batch for ever. So a batch lives BATCH_LIFE_S; then the producer is replaced, and the
  outcome of the records that it still held is reported as unknown.
* A batch that failed for good leaves a gap in the sequence numbers: every later batch of that partition is refused. So
  any failed batch replaces the producer.
* `send()` takes some 15 us per record, a prepared batch about 2 us.
"""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from shared.eventlog.errors import LogUnavailable, PublishOutcomeUnknown, UnknownTopic
from shared.eventlog.kafka_client import START_TIMEOUT_S, ends_within, new_producer
from shared.eventlog.port import Record, TopicPartition

BATCH_BYTES = 256 * 1024
BATCH_RECORDS = 2_000
BATCH_LIFE_S = 15.0
"""Longer than the timeout of any caller, shorter than the patience of an operator with a stuck service."""
FRESH_S = 1.0
"""An answer of the cluster within this time proves that it is alive. Otherwise it is probed before a publish."""
PROBE_TIMEOUT_S = 1.0
FAILED_START_PAUSE_S = 0.5
CLOSE_TIMEOUT_S = 2.0

# The broker refused the batch before it appended any of its records.
_REFUSED = (MessageSizeTooLargeError, RecordListTooLargeError, TopicAuthorizationFailedError)
_log = structlog.get_logger(__name__)


class _Generation:
    """One producer, from its start to its replacement."""

    def __init__(self, producer: Any) -> None:
        self.producer = producer
        self.answered_at = time.monotonic()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class KafkaWriter:
    """`write` writes the records of one lane. `check_alive` is called before records are accepted from a caller."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._generation: _Generation | None = None
        self._starting: asyncio.Task[_Generation] | None = None
        self._failed_at = float("-inf")
        self._closing: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """Close the producer after its batches under way, within a bounded time."""
        if self._starting is not None:
            with contextlib.suppress(LogUnavailable):
                await self._starting
        if self._generation is not None:
            self._retire(self._generation, "stopped")
        if self._closing:
            await asyncio.wait(list(self._closing))

    async def check_alive(self) -> None:
        """Raise LogUnavailable within PROBE_TIMEOUT_S if no broker answers, so that callers need not wait longer."""
        generation = await self._current()
        if time.monotonic() - generation.answered_at < FRESH_S:
            return
        try:
            alive = await asyncio.wait_for(generation.producer.client.force_metadata_update(), PROBE_TIMEOUT_S)
        except TimeoutError:
            alive = False
        if alive:
            generation.answered_at = time.monotonic()
            return
        if time.monotonic() - generation.answered_at > BATCH_LIFE_S:
            # It only knows its former brokers. A new producer uses the configured addresses again.
            self._retire(generation, "no broker answers")
        raise LogUnavailable("no Kafka broker answers")

    async def write(self, lane: TopicPartition, records: Sequence[Record]) -> None:
        """Write in batches, one after the other. Return when all in-sync replicas have acknowledged all records."""
        written = 0
        while written < len(records):
            try:
                written += await self._write_batch(lane, records, written)
            except LogUnavailable as error:
                if written:
                    raise PublishOutcomeUnknown(f"{written} of {len(records)} records were written") from error
                raise

    async def _write_batch(self, lane: TopicPartition, records: Sequence[Record], start: int) -> int:
        generation, delivery, count = await self._hand_over(lane, records, start)
        # A retired producer may never complete its batches; the end of its closing does.
        await asyncio.wait({delivery, generation.closed}, timeout=BATCH_LIFE_S, return_when=asyncio.FIRST_COMPLETED)
        if not delivery.done():
            self._retire(generation, "a batch outlived its time")
            raise PublishOutcomeUnknown(f"Kafka did not acknowledge within {BATCH_LIFE_S} s")
        error = delivery.exception()
        if error is None:
            generation.answered_at = time.monotonic()
            return count
        self._retire(generation, repr(error)[:300])
        if isinstance(error, _REFUSED):
            raise LogUnavailable(f"Kafka refused the batch: {error!r}"[:300]) from error
        raise PublishOutcomeUnknown(f"Kafka did not confirm the batch: {error!r}"[:300]) from error

    async def _hand_over(
        self, lane: TopicPartition, records: Sequence[Record], start: int
    ) -> tuple[_Generation, "asyncio.Future[Any]", int]:
        """Queue one batch. A dead producer is replaced once: it refused before it took any record."""
        for attempt in (1, 2):
            generation = await self._current()
            batch = _fill(generation.producer, records, start)
            try:
                delivery = await generation.producer.send_batch(batch, lane.topic, partition=lane.partition)
            except UnknownTopicOrPartitionError as error:
                raise UnknownTopic(f"there is no {lane}") from error
            except KafkaError as error:
                self._retire(generation, repr(error)[:300])
                if attempt == 2:
                    raise LogUnavailable(f"the Kafka producer is broken: {error!r}"[:300]) from error
            else:
                delivery.add_done_callback(_retrieve_exception)
                return generation, delivery, batch.record_count()
        raise AssertionError("unreachable")

    async def _current(self) -> _Generation:
        """Return the producer in use. It is started on demand, once for all callers that wait for it."""
        if self._generation is not None:
            return self._generation
        if self._starting is None:
            if time.monotonic() - self._failed_at < FAILED_START_PAUSE_S:
                raise LogUnavailable("no Kafka broker answered a moment ago")
            self._starting = asyncio.create_task(self._start())
        return await asyncio.shield(self._starting)

    async def _start(self) -> _Generation:
        producer = new_producer(
            **self._options,
            acks="all",
            enable_idempotence=True,
            # aiokafka asks lz4 for its level 9: four to nine times the CPU for a tenth of the size.
            compression_type="snappy",
            max_batch_size=BATCH_BYTES,
            linger_ms=0,  # batches arrive full or closed: the Publisher has combined the calls
        )
        try:
            await asyncio.wait_for(producer.start(), START_TIMEOUT_S)
            self._generation = _Generation(producer)
        except (KafkaError, OSError, TimeoutError) as error:
            self._failed_at = time.monotonic()
            await _close(producer)
            raise LogUnavailable(f"no Kafka broker answers: {error!r}"[:300]) from error
        else:
            return self._generation
        finally:
            self._starting = None

    def _retire(self, generation: _Generation, reason: str) -> None:
        if self._generation is not generation:
            return
        self._generation = None
        _log.info("kafka_producer_closes", reason=reason)
        task = asyncio.create_task(_close_generation(generation))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _fill(producer: Any, records: Sequence[Record], start: int) -> Any:
    batch = producer.create_batch()
    for index in range(start, len(records)):
        record = records[index]
        # The topic ignores the producer's time and uses the time of the append.
        if batch.append(timestamp=0, key=record.key, value=record.value, headers=list(record.headers)) is None:
            break
    batch.close()
    return batch


def _retrieve_exception(delivery: "asyncio.Future[Any]") -> None:
    """Retrieve the exception of an abandoned delivery. Otherwise asyncio logs it as never retrieved."""
    if not delivery.cancelled():
        delivery.exception()


async def _close_generation(generation: _Generation) -> None:
    try:
        await _close(generation.producer)
    finally:
        generation.closed.set_result(None)


async def _close(producer: Any) -> None:
    """Stop a producer, also one with undeliverable batches, for which `stop()` alone waits for ever."""
    if await ends_within(producer.stop(), CLOSE_TIMEOUT_S):
        return
    sender = producer._sender.sender_task  # noqa: SLF001 - aiokafka offers no other way to end its sender
    for _ in range(3):  # at the first cancellation it waits for its requests, at the next it gives up
        if sender is not None and not sender.done():
            sender.cancel()
            await asyncio.wait({sender}, timeout=0.2)
    producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001 - nor to fail what it holds
    await ends_within(producer.client.close(), CLOSE_TIMEOUT_S)
