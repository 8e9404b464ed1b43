"""The consume loop on a real database and log: exactly once in effect, shared, fenced, stopped by bad records."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared import outbox, telemetry
from shared.consumer import Consumer, ConsumerStopped, DeadLetter, Handler
from shared.db import Database
from shared.dead_letter_limit import (
    IN_A_ROW_MAX,
    WINDOW_RECORDS,
    WINDOW_RECORDS_MIN,
    DeadLetterLimit,
    TooManyDeadLetters,
)
from shared.eventlog import EventLog, Record, StoredRecord, TopicPartition
from shared.leases import Fenced, Leases
from shared.outbox import OutboxRelay
from shared.settings import ServiceSettings
from tests.cloud_events import read_event
from tests.databases import Dsns
from tests.shared.conftest import SCHEMA, seen

DEADLINE_S = 20.0


def numbered(count: int, prefix: str = "r") -> list[Record]:
    return [Record(key=f"key-{n % 17}".encode(), value=f"{prefix}{n}".encode()) for n in range(count)]


async def until(dsns: Dsns, count: int) -> list[str]:
    """Wait until `count` values took effect and return them."""
    async with asyncio.timeout(DEADLINE_S):
        while len(values := await seen(dsns)) < count:
            await asyncio.sleep(0.05)
    return values


class Recorder:
    """A handler that writes every value it is given."""

    def __init__(self, worker: str = "w", *, pause_s: float = 0.0, bad: bytes | None = None) -> None:
        self.worker, self.pause_s, self.bad, self.fail_next = worker, pause_s, bad, 0

    async def __call__(self, session: AsyncSession, records: Sequence[StoredRecord]) -> Sequence[DeadLetter]:
        dead = [DeadLetter(r, "BAD", "bad") for r in records if self.bad and (r.value or b"").startswith(self.bad)]
        good = [r for r in records if r not in [d.record for d in dead]]
        for record in good:
            await session.execute(
                text(f"INSERT INTO {SCHEMA}.seen VALUES (:v, :w)"),
                {"v": (record.value or b"").decode(), "w": self.worker},
            )
        if self.pause_s:
            await asyncio.sleep(self.pause_s)
        if self.fail_next:
            self.fail_next -= 1
            raise ConnectionError("planted")
        return dead


class Running:
    """A consumer as a task."""

    def __init__(
        self, topic: str, database: Database, log: EventLog, settings: ServiceSettings, handler: Handler
    ) -> None:
        self.consumer = Consumer(
            name="c", topic=topic, schema=SCHEMA, database=database, log=log, settings=settings, handler=handler
        )
        self._stopping = asyncio.Event()
        self.task = asyncio.create_task(self.consumer.run(self._stopping))

    async def stop(self) -> None:
        self._stopping.set()
        await asyncio.wait_for(self.task, DEADLINE_S)

    async def kill(self) -> None:
        """End without releasing leases, as kill -9 does."""
        self.consumer._release = _do_nothing  # type: ignore[method-assign]  # planted
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def _do_nothing() -> None:
    return None


async def test_every_record_takes_effect_once_even_when_polls_fail(
    plumbing_settings: ServiceSettings, plumbing_dsns: Dsns, database: Database, log: EventLog, topic: str
) -> None:
    await log.publish(topic, numbered(300))
    handler = Recorder()
    handler.fail_next = 2
    running = Running(topic, database, log, plumbing_settings, handler)
    values = await until(plumbing_dsns, 300)
    await running.stop()
    assert sorted(values) == sorted(f"r{n}" for n in range(300))


async def test_two_workers_share_partitions_and_one_takes_over_those_of_a_dead_worker(
    plumbing_settings: ServiceSettings, plumbing_dsns: Dsns, database: Database, log: EventLog, topic: str
) -> None:
    first = Running(topic, database, log, plumbing_settings, Recorder("first"))
    await asyncio.sleep(0.5)
    second = Running(topic, database, log, plumbing_settings, Recorder("second"))
    async with asyncio.timeout(DEADLINE_S):
        while len(first.consumer._claims) != 2 or len(second.consumer._claims) != 2:
            await asyncio.sleep(0.05)
    await log.publish(topic, numbered(100))
    await until(plumbing_dsns, 100)
    await first.kill()
    await log.publish(topic, numbered(100, "again"))
    values = await until(plumbing_dsns, 200)
    await second.stop()
    assert len(values) == len(set(values)) == 200


async def test_a_worker_that_lost_a_partition_cannot_move_its_offset(
    plumbing_settings: ServiceSettings, database: Database, topic: str
) -> None:
    partition = TopicPartition(topic, 0)
    late = Leases(schema=SCHEMA, consumer="c", holder="late", lease_s=1)
    heir = Leases(schema=SCHEMA, consumer="c", holder="heir", lease_s=plumbing_settings.lease_s)
    async with database.transaction() as session:
        await late.register(session, {partition: 0})
        held_by_late = await late.renew(session)
    await asyncio.sleep(1.2)
    async with database.transaction() as session:
        held_by_heir = await heir.renew(session)
    assert set(held_by_late) == set(held_by_heir) == {partition}
    with pytest.raises(Fenced):
        async with database.transaction() as session:
            await late.advance(session, {partition: (0, 5)}, held_by_late)
    async with database.transaction() as session:
        await heir.advance(session, {partition: (0, 5)}, held_by_heir)
    with pytest.raises(Fenced):
        async with database.transaction() as session:
            await heir.advance(session, {partition: (0, 7)}, held_by_heir)


async def test_a_worker_frozen_inside_a_transaction_does_do_nothing_twice(
    plumbing_settings: ServiceSettings, plumbing_dsns: Dsns, database: Database, log: EventLog, topic: str
) -> None:
    slow = Recorder("zombie", pause_s=plumbing_settings.lease_s * 2.5)
    await log.publish(topic, numbered(20))
    other_database = Database(plumbing_settings.database_url)
    zombie = Running(topic, other_database, log, plumbing_settings, slow)
    await asyncio.sleep(0.6)
    heir = Running(topic, database, log, plumbing_settings, Recorder("heir"))
    values = await until(plumbing_dsns, 20)
    slow.pause_s = 0.0
    await asyncio.sleep(plumbing_settings.lease_s * 2.5)
    assert sorted(values) == sorted(await seen(plumbing_dsns)) == sorted(f"r{n}" for n in range(20))
    await heir.stop()
    await zombie.stop()
    await other_database.stop()


async def test_bad_records_become_dead_letters_and_are_published(
    plumbing_settings: ServiceSettings, plumbing_dsns: Dsns, database: Database, log: EventLog, topic: str
) -> None:
    await log.publish(topic, [*numbered(5), Record(key=b"k", value=b"bad-1"), *numbered(5, "more")])
    running = Running(topic, database, log, plumbing_settings, Recorder(bad=b"bad"))
    values = await until(plumbing_dsns, 10)
    await running.stop()
    assert "bad-1" not in values
    await OutboxRelay(SCHEMA, database, log).relay_once()
    letters = await log.fetch({TopicPartition(f"{topic}.deadletter", 0): 0}, max_records=10, max_wait_s=2)
    (letter,) = next(iter(letters.values()))
    assert (letter.value, dict(letter.headers)["deadletter_reason"]) == (b"bad-1", b"BAD")
    # D6: an official package reads it, and does not try to parse what nobody could.
    event = read_event(letter.topic, letter.key, letter.value or b"", letter.headers)
    assert event.get_type() == "cn.carboninclusion.record.deadlettered.v1"
    assert f":{topic}:" in event.get_id()
    assert event.get_data() == "bad-1"  # text, not JSON


async def _kept(database: Database) -> int:
    async with database.transaction() as session:
        return await session.scalar(text(f"SELECT count(*) FROM {SCHEMA}.dead_letter")) or 0


@pytest.mark.parametrize("flood", [IN_A_ROW_MAX + 20, WINDOW_RECORDS_MIN + 200])
async def test_a_flood_of_bad_records_stops_the_consumer_and_raises_the_alarm(
    plumbing_settings: ServiceSettings,
    plumbing_dsns: Dsns,
    database: Database,
    log: EventLog,
    topic: str,
    flood: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The flood is either too many in a row or more than five in a hundred."""
    monkeypatch.setattr("shared.consumer.STOPPED_RETRY_S", 0.2)
    bad = "bad" if flood < WINDOW_RECORDS_MIN else "fine"
    records = [Record(key=b"one", value=("bad" if n % 15 == 0 else bad).encode() + b"%d" % n) for n in range(flood)]
    await log.publish(topic, records)
    handler = Recorder(bad=b"bad")
    running = Running(topic, database, log, plumbing_settings, handler)
    gauge = telemetry.CONSUMER_STOPPED.labels("c", "0")
    async with asyncio.timeout(DEADLINE_S):
        while gauge._value.get() != 1:
            await asyncio.sleep(0.05)
    with pytest.raises(ConsumerStopped):
        await running.consumer.check()
    assert not running.task.done()
    assert await _kept(database) <= IN_A_ROW_MAX
    handler.bad = None  # after the repair it continues where it was
    values = await until(plumbing_dsns, flood - await _kept(database))
    await running.stop()
    await running.consumer.check()
    assert (gauge._value.get(), len(set(values)) + await _kept(database)) == (0, flood)


def test_dead_letter_limits_count_across_batches_and_a_good_record_ends_a_row() -> None:
    row = DeadLetterLimit(in_a_row_max=3).after([True, True]).after([False, True, True, True])
    with pytest.raises(TooManyDeadLetters):
        row.after([True])
    assert row.after([False]).in_a_row == 0
    share = DeadLetterLimit()
    for _ in range(30):  # exactly five in a hundred is allowed, however long
        share = share.after([n % 20 == 0 for n in range(400)])
    assert sum(records for records, _ in share.window) <= WINDOW_RECORDS + 400
    with pytest.raises(TooManyDeadLetters):
        share.after([n % 10 == 0 for n in range(400)])
    assert DeadLetterLimit(percent_max=100).after([n % 2 == 0 for n in range(2_000)]).in_a_row == 0


async def test_the_outbox_publishes_committed_records_only(
    plumbing_settings: ServiceSettings, database: Database, log: EventLog, topic: str
) -> None:
    async def write(number: int) -> None:
        try:
            async with database.transaction() as session:
                await outbox.add(session, SCHEMA, topic, [Record(key=b"k", value=str(number).encode())])
                await asyncio.sleep((number % 7) / 100)
                assert number % 5, "planted"
        except AssertionError:
            pass

    relay, stopping = OutboxRelay(SCHEMA, database, log), asyncio.Event()
    task = asyncio.create_task(relay.run(stopping))
    await asyncio.gather(*(write(number) for number in range(100)))
    async with asyncio.timeout(DEADLINE_S):
        while True:
            async with database.transaction() as session:
                if not await session.scalar(text(f"SELECT count(*) FROM {SCHEMA}.outbox")):
                    break
            await asyncio.sleep(0.05)
    stopping.set()
    await task
    positions = {TopicPartition(topic, partition): 0 for partition in range(4)}
    stored = await log.fetch(positions, max_records=200, max_wait_s=1)
    values = sorted(int(record.value or b"-1") for records in stored.values() for record in records)
    assert values == [number for number in range(100) if number % 5]
