"""The promises of the interface EventLog, checked on both adapters."""

import asyncio
import time
from datetime import timedelta

import pytest

from shared import clock
from shared.eventlog import (
    RECORD_BYTES_MAX,
    EventLog,
    LogUnavailable,
    PositionLost,
    Record,
    RecordTooLarge,
    TopicMismatch,
    TopicPartition,
    UnknownTopic,
    open_event_log,
    partition_for,
)
from tests.eventlog.conftest import numbered, partitions_of, read_all


async def test_records_are_read_as_they_were_published(log: EventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=1)
    sent = [
        Record("键".encode(), "值".encode(), (("reason", b"late"), ("reason", b"again"), ("空", b""))),
        Record(b"", b""),
        Record(b"key", None),
        Record(bytes(range(256)), bytes(range(256)) * 100),
    ]
    await log.publish(topic, sent)
    stored = await read_all(log, topic, 1)
    assert [Record(record.key, record.value, record.headers) for record in stored] == sent
    assert [record.offset for record in stored] == [0, 1, 2, 3]
    assert {(record.topic, record.partition) for record in stored} == {(topic, 0)}


async def test_records_of_a_key_are_in_order_in_the_computed_partition(log: EventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=4)
    for start in (0, 50, 100):
        await log.publish(topic, numbered(50, keys=13, start=start))
    stored = await read_all(log, topic, 4)
    assert all(record.partition == partition_for(record.key, 4) for record in stored)
    for key in {record.key for record in stored}:
        values = [int(record.value or b"") for record in stored if record.key == key]
        assert values == sorted(values)
    assert sorted(int(record.value or b"") for record in stored) == list(range(150))


async def test_fetch_starts_at_the_position_and_stops_at_max_records(log: EventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=2)
    await log.publish(topic, numbered(200, keys=50))
    names = partitions_of(topic, 2)
    ends = await log.end_offsets(names)
    assert sum(ends.values()) == 200
    for start in (0, 7, 3, 3):  # forward, back, and the same again
        found = await log.fetch(dict.fromkeys(names, start), max_records=20, max_wait_s=5)
        while len(found) < 2:  # one partition may arrive before the other
            found |= await log.fetch(dict.fromkeys(names, start), max_records=20, max_wait_s=5)
        for records in found.values():
            assert [record.offset for record in records] == list(range(start, start + 20))
    only = names[1]
    last = ends[only] - 1
    found = await log.fetch({only: last}, max_records=20, max_wait_s=5)
    assert [record.offset for record in found[only]] == [last]


async def test_small_fetches_miss_and_repeat_no_record(log: EventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=3)
    await log.publish(topic, numbered(500, keys=40))
    stored = await read_all(log, topic, 3, max_records=17)
    assert sorted(int(record.value or b"") for record in stored) == list(range(500))


async def test_a_waiting_fetch_wakes_when_another_process_publishes(log: EventLog, topic: str, url: str) -> None:
    await log.ensure_topic(topic, partitions=2)
    names = partitions_of(topic, 2)
    other = open_event_log(url, client_id="contract-other")
    await other.start()
    try:
        await other.publish(topic, numbered(1))
        positions = await log.end_offsets(names)
        assert await log.fetch(positions, max_records=10, max_wait_s=0.2) == {}
        waiting = asyncio.create_task(log.fetch(positions, max_records=10, max_wait_s=20))
        await asyncio.sleep(0.3)
        sent_at = time.monotonic()
        await other.publish(topic, [Record(b"a", b"news")])
        found = await waiting
        assert time.monotonic() - sent_at < 1
        assert [record.value for records in found.values() for record in records] == [b"news"]
    finally:
        await other.stop()


async def test_a_fetch_without_new_records_waits_and_returns_nothing(log: EventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=1)
    begun = time.monotonic()
    assert await log.fetch({TopicPartition(topic, 0): 0}, max_records=1, max_wait_s=0.4) == {}
    assert 0.3 < time.monotonic() - begun < 2


async def test_concurrent_fetches_of_changing_partitions_lose_nothing(log: EventLog, topic: str) -> None:
    """Two consumers of one process share the log; leases move partitions between polls."""
    await log.ensure_topic(topic, partitions=4)
    await log.publish(topic, numbered(400, keys=100))
    ends = await log.end_offsets(partitions_of(topic, 4))

    async def consume(rounds: list[list[int]]) -> dict[TopicPartition, list[int]]:
        seen: dict[TopicPartition, list[int]] = {tp: [] for tp in ends}
        for numbers in rounds:
            wanted = {TopicPartition(topic, number): len(seen[TopicPartition(topic, number)]) for number in numbers}
            for tp, records in (await log.fetch(wanted, max_records=25, max_wait_s=5)).items():
                seen[tp] += [record.offset for record in records]
        return seen

    plans = ([[0, 1], [1, 2], [0, 1, 2, 3], [3], [0]], [[2], [2, 3], [0], [1, 3], [2]], [[0, 1, 2, 3]] * 5)
    for seen in await asyncio.gather(*(consume(plan) for plan in plans)):
        assert any(seen.values())
        for tp, offsets in seen.items():
            assert offsets == list(range(min(len(offsets), ends[tp])))


async def test_concurrent_publishers_leave_no_gap(log: EventLog, topic: str, url: str) -> None:
    await log.ensure_topic(topic, partitions=3)
    others = [open_event_log(url, client_id=f"contract-{n}") for n in range(2)]
    try:
        calls = [
            publisher.publish(topic, numbered(9, keys=9, start=1000 * n + 9 * call))
            for n, publisher in enumerate((log, *others))
            for call in range(30)
        ]
        await asyncio.gather(*calls)
    finally:
        for other in others:
            await other.stop()
    stored = await read_all(log, topic, 3)
    assert len({record.value for record in stored}) == len(stored) == 3 * 30 * 9
    for number in range(3):
        offsets = [record.offset for record in stored if record.partition == number]
        assert offsets == list(range(len(offsets)))


async def test_one_publish_call_may_hold_many_records(log: EventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=2)
    sent = [Record(b"key-%d" % (n % 11), b"%06d" % n + b"x" * 394) for n in range(10_000)]
    await log.publish(topic, sent, timeout_s=30)
    stored = await read_all(log, topic, 2)
    assert sorted(record.value or b"" for record in stored) == [record.value for record in sent]


async def test_the_largest_record_is_accepted_and_a_larger_one_refuses_the_call(log: EventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=1)
    largest = Record(b"key", b"x" * (RECORD_BYTES_MAX - 100))
    await log.publish(topic, [largest, largest, Record(b"key", b"small")])
    with pytest.raises(RecordTooLarge):
        await log.publish(topic, [Record(b"key", b"fine"), Record(b"key", b"x" * RECORD_BYTES_MAX)])
    stored = await read_all(log, topic, 1)
    assert [record.value for record in stored] == [largest.value, largest.value, b"small"]


async def test_the_append_time_is_the_logs_and_never_decreases(log: EventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=1)
    for start in range(0, 30, 10):
        await log.publish(topic, numbered(10, start=start))
    stored = await read_all(log, topic, 1)
    times = [record.appended_at for record in stored]
    assert times == sorted(times)
    assert all(at.utcoffset() == timedelta(0) for at in times)
    assert abs(clock.now() - times[-1]) < timedelta(seconds=20)


async def test_an_empty_partition_begins_and_ends_at_offset_zero(log: EventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=2)
    names = partitions_of(topic, 2)
    assert await log.begin_offsets(names) == await log.end_offsets(names) == dict.fromkeys(names, 0)


async def test_a_position_outside_the_log_raises_position_lost(log: EventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=1)
    await log.publish(topic, numbered(3))
    with pytest.raises(PositionLost):
        await log.fetch({TopicPartition(topic, 0): 99}, max_records=1, max_wait_s=5)
    found = await log.fetch({TopicPartition(topic, 0): 1}, max_records=1, max_wait_s=5)
    assert [record.offset for records in found.values() for record in records] == [1]


async def test_ensure_topic_may_be_repeated_but_not_changed(log: EventLog, topic: str, url: str) -> None:
    other = open_event_log(url, client_id="contract-other")
    try:
        await asyncio.gather(*(each.ensure_topic(topic, partitions=3) for each in (log, other, log)))
        await log.publish(topic, numbered(5))
        await log.ensure_topic(topic, partitions=3)
        assert len(await read_all(log, topic, 3)) == 5
        assert await other.partition_count(topic) == 3
        with pytest.raises(TopicMismatch, match="3 partitions, not 4"):
            await log.ensure_topic(topic, partitions=4)
        with pytest.raises(TopicMismatch):
            await log.ensure_topic(topic, partitions=3, compacted=True)
    finally:
        await other.stop()


async def test_an_unknown_topic_is_named_in_the_error(log: EventLog, topic: str) -> None:
    with pytest.raises(UnknownTopic, match=topic):
        await log.partition_count(topic)
    with pytest.raises(UnknownTopic, match=topic):
        await log.publish(topic, numbered(1))
    with pytest.raises(UnknownTopic, match=topic):
        await log.fetch({TopicPartition(topic, 0): 0}, max_records=1, max_wait_s=1)
    await log.ensure_topic(topic, partitions=1)
    with pytest.raises(UnknownTopic, match=topic):
        await log.end_offsets([TopicPartition(topic, 1)])


async def test_stopped_log_refuses_and_can_be_started_again(log: EventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=1)
    await log.publish(topic, numbered(2))
    await log.stop()
    await log.stop()
    with pytest.raises(LogUnavailable):
        await log.publish(topic, numbered(1))
    with pytest.raises(LogUnavailable):
        await log.ping()
    await log.start()
    await log.ping()
    await log.publish(topic, numbered(1, start=2))
    assert [record.value for record in await read_all(log, topic, 1)] == [b"0", b"1", b"2"]


async def test_publishing_or_fetching_nothing_is_not_an_error(log: EventLog, topic: str) -> None:
    await log.ensure_topic(topic, partitions=1)
    await log.publish(topic, [])
    assert await log.end_offsets([]) == {}
    assert await log.fetch({}, max_records=1, max_wait_s=0.1) == {}
