"""Requests to the Kafka cluster other than records: topics, offsets, and the progress of consumers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from shared.eventlog.errors import LogUnavailable, TopicMismatch, UnknownTopic
from shared.eventlog.kafka_client import (
    ANSWER_TIMEOUT_S,
    ask_within,
    close_client,
    kafka_partition,
    new_admin,
    new_consumer,
    new_topic,
    start_client,
    topic_resource,
)
from shared.eventlog.port import RETENTION, TopicPartition

CREATE_TIMEOUT_S = 15.0
POLL_S = 0.05
BROKER_DEFAULT_REPLICATION = -1
COMPACTION_LAG_MAX_MS = 24 * 60 * 60 * 1000
"""A tombstone takes effect within a day. Otherwise a broker never compacts the segment that still grows."""
_TIMESTAMPS = ("message.timestamp.type", "LogAppendTime")
_RETENTION_MS = str(int(RETENTION.total_seconds() * 1000))


def topic_settings(*, compacted: bool) -> dict[str, str]:
    """Return the settings of a new topic. By append time, a late act is not deleted for its age before it is read."""
    if compacted:
        settings = {"cleanup.policy": "compact", "delete.retention.ms": _RETENTION_MS}
        settings["max.compaction.lag.ms"] = str(COMPACTION_LAG_MAX_MS)
    else:
        settings = {"cleanup.policy": "delete", "retention.ms": _RETENTION_MS}
    return settings | dict([_TIMESTAMPS])


class KafkaCluster:
    """Makes a client at its first use and again after a failure."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._admin: Any = None
        self._offset_client: Any = None
        self._groups: dict[str, Any] = {}
        self._lock = asyncio.Lock()

    async def stop(self) -> None:
        """Close all clients."""
        async with self._lock:
            clients = [self._admin, self._offset_client, *self._groups.values()]
            self._admin = self._offset_client = None
            self._groups = {}
        for client in clients:
            if client is not None:
                await close_client(client)

    # --- topics ----------------------------------------------------------------------------------------------------

    async def ensure_topic(self, topic: str, partitions: int, *, compacted: bool) -> None:
        """Create the topic if it is missing, wait for a leader of every partition, compare count and settings."""
        if await self._leaders(topic) is None:
            await self._create(topic, partitions, compacted=compacted)
        deadline = time.monotonic() + CREATE_TIMEOUT_S
        while (found := await self._leaders(topic)) is None or None in found:
            if time.monotonic() > deadline:
                raise LogUnavailable(f"topic {topic} has no leaders after {CREATE_TIMEOUT_S:.0f} s")
            await asyncio.sleep(POLL_S)
        if len(found) != partitions:
            raise TopicMismatch(f"topic {topic} has {len(found)} partitions, not {partitions}")
        await self._compare_settings(topic, compacted=compacted)

    async def partition_count(self, topic: str) -> int:
        """Raises UnknownTopic."""
        found = await self._leaders(topic)
        if found is None:
            raise UnknownTopic(f"there is no topic {topic}")
        return len(found)

    async def _leaders(self, topic: str) -> list[int | None] | None:
        """Return the leader of each partition.

        Requests all topics: a request for one name would create it on brokers with auto.create.topics.enable.
        """
        topics = await self._ask_admin(lambda admin: admin.describe_topics(None))
        for found in topics:
            if found["topic"] == topic:
                return [p["leader"] if p["leader"] >= 0 else None for p in found["partitions"]]
        return None

    async def _create(self, topic: str, partitions: int, *, compacted: bool) -> None:
        new = new_topic(
            topic,
            partitions,
            BROKER_DEFAULT_REPLICATION,
            replica_assignments={},
            topic_configs=topic_settings(compacted=compacted),
        )
        answer = await self._ask_admin(lambda admin: admin.create_topics([new]), timeout_s=CREATE_TIMEOUT_S)
        for _name, code, message in answer.topic_errors:
            error = for_code(code)
            if error not in {NoError, TopicAlreadyExistsError}:
                raise LogUnavailable(f"Kafka did not create topic {topic}: {error.__name__} {message}")

    async def _compare_settings(self, topic: str, *, compacted: bool) -> None:
        wanted = topic_settings(compacted=compacted)
        asked = dict.fromkeys(("cleanup.policy", _TIMESTAMPS[0]))
        resource = topic_resource(topic, asked)
        answers = await self._ask_admin(lambda admin: admin.describe_configs([resource]))
        for _code, _message, _kind, _name, entries in answers[0].resources:
            for name, value, *_ in entries:
                if name in asked and value != wanted[name]:
                    raise TopicMismatch(f"topic {topic} has {name}={value}, not {wanted[name]}")

    async def _ask_admin(
        self, question: Callable[[Any], Awaitable[Any]], *, timeout_s: float = ANSWER_TIMEOUT_S
    ) -> Any:
        async with self._lock:
            if self._admin is None:
                admin = new_admin(**self._options)
                await start_client(admin)
                self._admin = admin
            client = self._admin
        try:
            return await ask_within(timeout_s, question(client))
        except LogUnavailable:
            if self._admin is client:
                self._admin = None
            await close_client(client)
            raise

    # --- offsets ---------------------------------------------------------------------------------------------------

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the offset of the next record of each partition."""
        return await self._offsets(partitions, lambda client, names: client.end_offsets(names))

    async def begin_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the first stored offset of each partition."""
        return await self._offsets(partitions, lambda client, names: client.beginning_offsets(names))

    async def _offsets(
        self, partitions: Sequence[TopicPartition], question: Callable[[Any, list[Any]], Awaitable[Mapping[Any, int]]]
    ) -> dict[TopicPartition, int]:
        async with self._lock:
            if self._offset_client is None:
                consumer = new_consumer(**self._options, group_id=None, enable_auto_commit=False)
                await start_client(consumer)
                self._offset_client = consumer
            client = self._offset_client
        names = [kafka_partition(tp) for tp in partitions]
        try:
            found = await ask_within(ANSWER_TIMEOUT_S, question(client, names))
        except LogUnavailable:
            if self._offset_client is client:
                self._offset_client = None
            await close_client(client)
            raise
        return {TopicPartition(name.topic, name.partition): offset for name, offset in found.items()}

    # --- progress --------------------------------------------------------------------------------------------------

    async def commit(self, consumer: str, positions: Mapping[TopicPartition, int]) -> None:
        """Commit the offsets of the group `consumer`. It has no members: only lag tools read it."""
        client = self._groups.get(consumer)
        if client is None:
            client = new_consumer(
                **self._options, group_id=consumer, enable_auto_commit=False, auto_offset_reset="none"
            )
            await start_client(client)
            self._groups[consumer] = client
        offsets = {kafka_partition(tp): at for tp, at in positions.items()}
        if client.assignment() != offsets.keys():
            # A commit requires an assignment. Partitions that are paused at once are never fetched.
            client.assign(list(offsets))
            for name, offset in offsets.items():
                client.seek(name, offset)
            client.pause(*offsets)
        try:
            await ask_within(ANSWER_TIMEOUT_S, client.commit(offsets))
        except LogUnavailable:
            del self._groups[consumer]
            await close_client(client)
            raise
