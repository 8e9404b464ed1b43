"""kill -9 of the server under load: acknowledged records are kept, refused ones are not, all clients reconnect."""

import asyncio
import time

import pytest

from shared.eventlog import EventLog, LogUnavailable, PublishOutcomeUnknown, Record, TopicPartition, open_event_log
from tests.eventlog.conftest import Server, partitions_of, read_all

PARTITIONS = 3
PUBLISHERS = 4
PER_CALL = 20


class Load:
    """Publishers that never stop, each call with new values, and one reader that keeps its position."""

    def __init__(self, log: EventLog, topic: str) -> None:
        self._log, self._topic = log, topic
        self.acknowledged: set[bytes] = set()
        self.refused: set[bytes] = set()
        self.unknown: set[bytes] = set()
        self.read: dict[TopicPartition, list[tuple[int, bytes]]] = {tp: [] for tp in partitions_of(topic, PARTITIONS)}
        self.read_failures = 0
        self._running = True

    async def publish(self, name: int) -> None:
        call = 0
        while self._running:
            values = [b"%d-%d-%d" % (name, call, n) for n in range(PER_CALL)]
            call += 1
            try:
                await self._log.publish(self._topic, [Record(v, v) for v in values], timeout_s=1.0)
                self.acknowledged.update(values)
            except PublishOutcomeUnknown:
                self.unknown.update(values)
            except LogUnavailable:
                self.refused.update(values)
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.005)

    async def consume(self) -> None:
        positions = dict.fromkeys(self.read, 0)
        while self._running or not self.acknowledged <= self.values_read():
            try:
                found = await self._log.fetch(positions, max_records=500, max_wait_s=0.5)
            except LogUnavailable:
                self.read_failures += 1
                await asyncio.sleep(0.1)
                continue
            for tp, records in found.items():
                self.read[tp] += [(record.offset, record.value or b"") for record in records]
                positions[tp] = records[-1].offset + 1

    def values_read(self) -> set[bytes]:
        return {value for records in self.read.values() for _, value in records}

    async def acknowledges_more(self) -> None:
        before = len(self.acknowledged)
        async with asyncio.timeout(30):
            while len(self.acknowledged) < before + 10 * PER_CALL:
                await asyncio.sleep(0.02)

    def end(self) -> None:
        self._running = False


@pytest.mark.timeout(120)
async def test_kill_and_restart_lose_no_acknowledged_record(server: Server, topic: str) -> None:
    log = open_event_log(server.url, client_id="crash")
    await log.start()
    await log.ensure_topic(topic, partitions=PARTITIONS)
    load = Load(log, topic)
    tasks = [asyncio.create_task(load.publish(name)) for name in range(PUBLISHERS)]
    tasks.append(asyncio.create_task(load.consume()))
    await load.acknowledges_more()
    server.kill()
    await asyncio.sleep(0.5)
    await asyncio.to_thread(server.start)
    await load.acknowledges_more()
    load.end()
    async with asyncio.timeout(30):
        await asyncio.gather(*tasks)
    fresh = open_event_log(server.url, client_id="crash-check")
    stored = {record.value or b"" for record in await read_all(fresh, topic, PARTITIONS)}
    await fresh.stop()
    await log.stop()
    assert load.refused or load.unknown  # the kill was felt
    assert load.acknowledged <= stored
    assert not load.refused & stored
    assert stored <= load.acknowledged | load.unknown
    for records in load.read.values():
        offsets = [offset for offset, _ in records]
        assert offsets == list(range(len(offsets)))
    assert load.values_read() <= stored


@pytest.mark.timeout(120)
async def test_an_unavailable_server_is_reported_quickly_and_found_again(server: Server, topic: str) -> None:
    log = open_event_log(server.url, client_id="away")
    await log.start()
    await log.ensure_topic(topic, partitions=1)
    first = TopicPartition(topic, 0)
    await log.publish(topic, [Record(b"a", b"before")])
    positions = {first: 0}
    assert len((await log.fetch(positions, max_records=5, max_wait_s=5))[first]) == 1
    server.kill()
    try:
        await asyncio.sleep(1.1)  # longer than an answer of the broker counts as fresh
        await _refused_within(2.0, lambda: log.publish(topic, [Record(b"a", b"lost")]))
        await _refused_within(2.0, log.ping)
        await _refused_within(8.0, lambda: _fetch_until_refused(log, {first: 1}))
        await _refused_within(5.0, lambda: log.end_offsets([first]))
        stranger = open_event_log(server.url, client_id="stranger")
        await stranger.start()
        await _refused_within(3.5, stranger.ping)
        await stranger.stop()
    finally:
        await asyncio.to_thread(server.start)
    async with asyncio.timeout(20):
        while True:
            try:
                await log.ping()
                await log.publish(topic, [Record(b"a", b"after")])
                break
            except LogUnavailable:
                await asyncio.sleep(0.1)
        values = [record.value for record in await read_all(log, topic, 1)]
    await log.stop()
    assert values == [b"before", b"after"]


async def _fetch_until_refused(log: EventLog, positions: dict[TopicPartition, int]) -> None:
    while True:
        await log.fetch(positions, max_records=5, max_wait_s=0.5)


async def _refused_within(limit_s: float, call: object) -> None:
    assert callable(call)
    begun = time.monotonic()
    with pytest.raises(LogUnavailable):
        await call()
    assert time.monotonic() - begun < limit_s
