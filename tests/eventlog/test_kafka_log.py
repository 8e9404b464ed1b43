"""Behaviour of the Kafka adapter only: broken clients, a frozen broker, compaction, consumer groups."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import ProducerFenced
from aiokafka.structs import TopicPartition as KafkaPartition

from deploy.kafka.node import KafkaNode
from shared.eventlog import (
    BackPressure,
    LogUnavailable,
    PublishOutcomeUnknown,
    Record,
    TopicMismatch,
    TopicPartition,
    kafka_reader,
)
from shared.eventlog.kafka import KafkaEventLog
from shared.eventlog.kafka_client import client_options
from shared.eventlog.kafka_cluster import topic_settings
from tests.eventlog.conftest import numbered, partitions_of, read_all

pytestmark = pytest.mark.kafka


def freeze(pid: int) -> None:
    """Return when every thread has stopped: on a busy machine some run on for a moment after the signal."""
    os.kill(pid, signal.SIGSTOP)
    begun = time.monotonic()
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() - begun < 10
        time.sleep(0.01)


@pytest.fixture
async def log(kafka_bootstrap: str) -> AsyncIterator[KafkaEventLog]:
    opened = KafkaEventLog(f"kafka://{kafka_bootstrap}", client_id="kafka-only", in_flight_records_max=10)
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
async def admin(kafka_bootstrap: str) -> AsyncIterator[Any]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await client.start()
    yield client
    await client.close()


async def test_a_producer_with_a_failed_batch_is_replaced(log: KafkaEventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=1)
    await log.publish(topic, numbered(1))
    poisoned = _producer(log)
    # A gap in the sequence numbers: the broker refuses every further batch of the partition.
    poisoned._txn_manager.increment_sequence_number(KafkaPartition(topic, 0), 5)
    with pytest.raises(PublishOutcomeUnknown, match="OutOfOrderSequenceNumber"):
        await log.publish(topic, numbered(1, start=1))
    await log.publish(topic, numbered(1, start=2))
    assert _producer(log) is not poisoned
    assert [record.value for record in await read_all(log, topic, 1)] == [b"0", b"2"]


async def test_a_closed_producer_is_replaced_without_an_error(log: KafkaEventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=1)
    await log.publish(topic, numbered(1))
    _producer(log)._message_accumulator.fail_all(ProducerFenced())
    await log.publish(topic, numbered(1, start=1))
    assert [record.value for record in await read_all(log, topic, 1)] == [b"0", b"1"]


async def test_a_frozen_broker_makes_one_call_unknown_and_refuses_the_next(topic: str, kafka_node: KafkaNode) -> None:
    """It accepts connections but does not answer."""
    log = KafkaEventLog(f"kafka://{kafka_node.bootstrap_servers}", client_id="frozen", in_flight_records_max=10)
    await log.ensure_topic(topic, partitions=1)
    await log.publish(topic, numbered(1))
    positions = {TopicPartition(topic, 0): 1}
    assert await log.fetch(positions, max_records=1, max_wait_s=0.1) == {}
    assert kafka_node.pid is not None
    freeze(kafka_node.pid)
    try:
        first = asyncio.create_task(log.publish(topic, numbered(8, start=1), timeout_s=0.6))
        await asyncio.sleep(0.1)
        with pytest.raises(LogUnavailable, match="nothing was written"):
            await log.publish(topic, numbered(1, start=100), timeout_s=0.1)
        with pytest.raises(BackPressure):
            await log.publish(topic, numbered(5, start=100), timeout_s=0.1)
        with pytest.raises(PublishOutcomeUnknown):
            await first
        await asyncio.sleep(0.5)
        begun = time.monotonic()
        with pytest.raises(LogUnavailable, match="no Kafka broker answers"):
            await log.publish(topic, numbered(1, start=100))
        with pytest.raises(LogUnavailable):
            await log.ping()
        assert time.monotonic() - begun < 2.5
    finally:
        os.kill(kafka_node.pid, signal.SIGCONT)
    async with asyncio.timeout(10):
        found = await log.fetch(positions, max_records=10, max_wait_s=10)
    assert [record.value for record in found[TopicPartition(topic, 0)]] == [b"%d" % n for n in range(1, 9)]
    await log.publish(topic, numbered(1, start=9))
    assert [record.value for record in await read_all(log, topic, 1)] == [b"%d" % n for n in range(10)]
    await log.stop()


async def test_a_stop_with_a_frozen_broker_is_bounded(topic: str, kafka_node: KafkaNode) -> None:
    log = KafkaEventLog(f"kafka://{kafka_node.bootstrap_servers}", client_id="stopping")
    await log.ensure_topic(topic, partitions=2)
    await log.publish(topic, numbered(10))
    assert kafka_node.pid is not None
    freeze(kafka_node.pid)
    try:
        call = asyncio.create_task(log.publish(topic, numbered(10, start=10), timeout_s=30))
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        await log.stop()
        assert time.monotonic() - begun < 12
        with pytest.raises(PublishOutcomeUnknown):
            await call
    finally:
        os.kill(kafka_node.pid, signal.SIGCONT)


async def test_a_silently_stalled_consumer_is_replaced(
    log: KafkaEventLog, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_reader, "SILENT_S", 0.3)
    monkeypatch.setattr(kafka_reader, "STALLED_S", 0.6)
    await log.ensure_topic(topic, partitions=1)
    positions = {TopicPartition(topic, 0): 0}
    assert await log.fetch(positions, max_records=1, max_wait_s=0.1) == {}
    [stalled] = log._readers._idle
    stalled.consumer._fetcher._fetch_task.cancel()  # ends silently, like the stalls seen after broker restarts
    read: list[bytes | None] = []
    said: list[str] = []
    for n in range(3):  # a request under way may still bring the first
        await log.publish(topic, numbered(1, start=n))
        async with asyncio.timeout(5):
            while len(read) <= n:
                try:
                    found = await log.fetch({TopicPartition(topic, 0): len(read)}, max_records=1, max_wait_s=0.2)
                except LogUnavailable as error:
                    said.append(str(error))
                else:
                    read += [record.value for records in found.values() for record in records]
    assert read == [b"0", b"1", b"2"]
    assert said  # on a loaded machine the dead reader's connection may be noticed before its silence
    assert stalled not in log._readers._idle


async def test_compaction_keeps_the_last_record_of_every_key(log: KafkaEventLog, topic: str, admin: Any) -> None:
    await log.ensure_topic(topic, partitions=1, compacted=True)
    quick = topic_settings(compacted=True) | {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, quick)])
    await log.publish(topic, [Record(b"a", b"1"), Record(b"b", b"1"), Record(b"a", b"2"), Record(b"b", None)])
    deadline = time.monotonic() + 30
    while (stored := await read_all(log, topic, 1))[0].offset < 2:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.3)
        await log.publish(topic, [Record(b"rolls", b"the segment")])
    assert [(record.key, record.value) for record in stored[:2]] == [(b"a", b"2"), (b"b", None)]
    assert [record.offset for record in stored[:2]] == [2, 3]
    found = await log.fetch({TopicPartition(topic, 0): 0}, max_records=1, max_wait_s=5)
    assert [record.offset for records in found.values() for record in records] == [2]


async def test_topics_use_append_time_and_others_are_refused(log: KafkaEventLog, topic: str, admin: Any) -> None:
    await log.ensure_topic(topic, partitions=1)
    asked = dict.fromkeys(("message.timestamp.type", "retention.ms", "cleanup.policy"))
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic, asked)])
    shown = {name: value for name, value, *_ in answers[0].resources[0][4]}
    assert shown == {"message.timestamp.type": "LogAppendTime", "retention.ms": "604800000", "cleanup.policy": "delete"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"cleanup.policy": "delete"})])
    with pytest.raises(TopicMismatch, match="CreateTime"):
        await log.ensure_topic(topic, partitions=1)


async def test_progress_is_visible_as_the_offsets_of_a_group(log: KafkaEventLog, topic: str, admin: Any) -> None:
    await log.ensure_topic(topic, partitions=2)
    await log.publish(topic, numbered(9))
    first, second = partitions_of(topic, 2)
    group = f"{topic}-reader"
    await log.record_progress(group, {first: 1})
    await log.record_progress(group, {first: 2, second: 3})
    await log.stop()  # writes pending progress
    committed = await admin.list_consumer_group_offsets(group)
    assert {(name.partition, entry.offset) for name, entry in committed.items()} == {(0, 2), (1, 3)}


def _producer(log: KafkaEventLog) -> Any:
    generation = log._writer._generation
    assert generation is not None
    return generation.producer


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("kafka://a:1,b:2", {"bootstrap_servers": ["a:1", "b:2"], "security_protocol": "PLAINTEXT"}),
        ("kafka://a", {"bootstrap_servers": ["a:9092"]}),
        ("kafka://[::1]:5,[::1]", {"bootstrap_servers": ["[::1]:5", "[::1]:9092"]}),
        ("kafkas://a:1", {"security_protocol": "SSL"}),
        (
            "kafkas://us%40er:p%3Aw@a:1?mechanism=PLAIN",
            {
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "PLAIN",
                "sasl_plain_username": "us@er",
                "sasl_plain_password": "p:w",
            },
        ),
        ("kafka://u:p@a:1", {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-512"}),
    ],
)
def test_a_kafka_address_gives_the_client_options(url: str, expected: dict[str, object]) -> None:
    options = client_options(url, "test")
    assert options.items() >= expected.items()
    assert ("ssl_context" in options) == url.startswith("kafkas")


@pytest.mark.parametrize("url", ["kafka://", "kafka://a:1/topic", "kafka://u:secret@a:1?mechanism=X", "kafka://a?x=1"])
def test_an_invalid_address_is_refused_without_quoting_the_password(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        client_options(url, "test")
    assert "secret" not in str(caught.value)
