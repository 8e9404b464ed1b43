"""Decoding the records of a poll, and a worker whose consumers are registered with their decoder."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from sqlalchemy import text

from shared.consumer import DeadLetter
from shared.contracts import topics
from shared.db import Database, Session
from shared.dead_letters import readable_by
from shared.eventlog import EventLog, Record, StoredRecord
from shared.projection import Decoded, Items, decoded, newest
from shared.settings import ServiceSettings
from shared.worker import Worker
from tests.databases import Dsns
from tests.shared.conftest import SCHEMA, seen
from tests.shared.test_consumer import DEADLINE_S, until


class Renamed(msgspec.Struct):
    place: int
    version: int
    name: str


DECODER = msgspec.json.Decoder(Renamed)
RENAMED = b'{"place":%d,"version":%d,"name":"%s"}'


def stored(offset: int, value: bytes | None) -> StoredRecord:
    return StoredRecord("t", 0, offset, b"k", value, (), datetime(2026, 11, 23, tzinfo=UTC))


def test_a_bad_record_becomes_a_dead_letter_and_the_others_are_decoded() -> None:
    records = [stored(0, RENAMED % (1, 1, b"a")), stored(1, b"{"), stored(2, b"\xff"), stored(3, b'{"place":"x"}')]
    found = decoded(records, DECODER)
    assert found.items == [(records[0], Renamed(1, 1, "a"))]
    assert [(letter.record.offset, letter.reason) for letter in found.dead] == [
        (n, "UNREADABLE_RECORD") for n in (1, 2, 3)
    ]


def test_a_record_without_value_is_skipped_only_in_a_compacted_topic() -> None:
    assert decoded([stored(0, None)], DECODER, compacted=True) == Decoded([], [])
    assert [letter.record.offset for letter in decoded([stored(0, None)], DECODER).dead] == [0]


def test_the_highest_version_of_each_key_is_kept_in_any_order() -> None:
    first, second, other = Renamed(1, 1, "a"), Renamed(1, 2, "b"), Renamed(2, 1, "c")
    for messages in ([first, second, other], [other, second, first]):
        kept = newest(messages, key=lambda message: message.place, version=lambda message: message.version)
        assert kept == {1: second, 2: other}


async def test_a_worker_decodes_records_and_stores_unreadable_ones_as_dead_letters(
    plumbing_settings: ServiceSettings, plumbing_dsns: Dsns, database: Database, log: EventLog
) -> None:
    async def keep(session: Session, items: Items[Renamed]) -> None:
        for record, message in items:
            values = {"v": message.name, "w": str(record.offset)}
            await session.execute(text(f"INSERT INTO {SCHEMA}.seen VALUES (:v, :w)"), values)

    def names(found: Decoded[Renamed]) -> tuple[list[str], Decoded[Renamed]]:
        return [message.name.upper() for _, message in found.items], found

    async def keep_prepared(session: Session, prepared: tuple[list[str], Decoded[Renamed]]) -> Sequence[DeadLetter]:
        for name in prepared[0]:
            await session.execute(text(f"INSERT INTO {SCHEMA}.seen VALUES (:v, '')"), {"v": name})
        return prepared[1].dead

    worker = Worker(SCHEMA, plumbing_settings)
    worker.consume("named", topics.BINDINGS, decoder=DECODER, handler=keep)
    worker.consume("prepared", topics.OUTCOMES, keep_prepared, decoder=DECODER, prepare=names)
    stopping = asyncio.Event()
    task = asyncio.create_task(worker.run_until(stopping))
    for topic in (topics.BINDINGS, topics.OUTCOMES):
        await log.ensure_topic(topic, partitions=topics.PARTITIONS[topic], compacted=topic in topics.COMPACTED)
        values = (RENAMED % (1, 1, b"a"), b"{", None, RENAMED % (2, 1, b"b"))
        await log.publish(topic, [Record(key=b"k%d" % n, value=value) for n, value in enumerate(values)])
    await until(plumbing_dsns, 4)
    stopping.set()
    await asyncio.wait_for(task, DEADLINE_S)
    assert sorted(await seen(plumbing_dsns)) == ["A", "B", "a", "b"]
    async with database.transaction() as session:
        letters = await session.execute(text(f"SELECT consumer, count(*) FROM {SCHEMA}.dead_letter GROUP BY 1"))
        assert {row[0]: row[1] for row in letters} == {"named": 1, "prepared": 2}


def test_the_same_decoders_decide_whether_a_corrected_dead_letter_is_readable() -> None:
    unreadable_because = readable_by({topics.BINDINGS: DECODER})
    assert unreadable_because(f"city.{topics.BINDINGS}", RENAMED % (1, 1, b"a")) is None
    assert "missing required field" in str(unreadable_because(topics.BINDINGS, b"{}"))
    assert unreadable_because("other", b"{}") == "no consumer of other"
