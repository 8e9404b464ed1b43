"""A handler that postpones records: all take effect once, and the offsets move after the last of them."""

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from shared.consumer import POLLS_TOGETHER, DeadLetter, Postponed
from shared.db import Database
from shared.eventlog import EventLog, StoredRecord
from shared.settings import ServiceSettings
from tests.databases import Dsns
from tests.shared.conftest import SCHEMA, seen
from tests.shared.test_consumer import Running, numbered, until


class PostponingHandler:
    """Processes even records at once and odd ones when it must. It recognises records that it has processed.

    `calls`: for each call the number of records, and whether it had to process all of them.
    """

    def __init__(self, *, fail_when_it_must: int = 0) -> None:
        self.fail_when_it_must = fail_when_it_must
        self.calls: list[tuple[int, bool]] = []

    async def __call__(self, session: AsyncSession, given: Any) -> Sequence[DeadLetter] | Postponed:
        records, must = given if isinstance(given, tuple) else (given, False)
        self.calls.append((len(records), must))
        if must and self.fail_when_it_must:
            self.fail_when_it_must -= 1
            raise ConnectionError("planted")
        now = [record for record in records if must or _is_even(record)]
        for record in now:
            value = (record.value or b"").decode()
            await session.execute(
                text(f"INSERT INTO {SCHEMA}.seen SELECT :v, 'w' WHERE NOT EXISTS"
                     f" (SELECT 1 FROM {SCHEMA}.seen WHERE value = :v)"),
                {"v": value},
            )  # fmt: skip
        rest = [record for record in records if record not in now]
        if not rest:
            return []
        return Postponed((rest, True), lambda more: (rest + list(more), False))


def _is_even(record: StoredRecord) -> bool:
    return int((record.value or b"r1")[1:]) % 2 == 0


async def _total_offset(database: Database) -> int:
    async with database.transaction() as session:
        total = await session.scalar(text(f"SELECT sum(next_offset)::bigint FROM {SCHEMA}.consumer_partition"))
        return int(total or 0)


async def test_postponed_records_take_effect_once_before_the_offsets_move(
    plumbing_settings: ServiceSettings, plumbing_dsns: Dsns, database: Database, log: EventLog, topic: str
) -> None:
    before = await _total_offset(database)
    await log.publish(topic, numbered(400))
    handler = PostponingHandler()
    small = plumbing_settings.model_copy(update={"poll_records_max": 40})
    running = Running(topic, database, log, small, handler)
    values = await until(plumbing_dsns, 400)
    await running.stop()
    assert sorted(values) == sorted(f"r{n}" for n in range(400))
    assert await _total_offset(database) - before == 400
    assert any(must for _, must in handler.calls)


async def test_polls_join_a_postponed_one_up_to_the_limit(
    plumbing_settings: ServiceSettings, plumbing_dsns: Dsns, database: Database, log: EventLog, topic: str
) -> None:
    """Otherwise offsets might never move, because each poll brings another locked row."""
    await log.publish(topic, numbered(600))
    handler = PostponingHandler()
    small = plumbing_settings.model_copy(update={"poll_records_max": 40})
    running = Running(topic, database, log, small, handler)
    await until(plumbing_dsns, 600)
    await running.stop()
    in_a_row, most = 0, 0
    for _, must in handler.calls:
        in_a_row = 0 if must else in_a_row + 1
        most = max(most, in_a_row)
    assert 1 <= most <= POLLS_TOGETHER


async def test_an_interruption_between_transactions_of_a_poll_repeats_no_effect(
    plumbing_settings: ServiceSettings, plumbing_dsns: Dsns, database: Database, log: EventLog, topic: str
) -> None:
    await log.publish(topic, numbered(60))
    handler = PostponingHandler(fail_when_it_must=3)
    running = Running(topic, database, log, plumbing_settings, handler)
    async with asyncio.timeout(20):
        while handler.fail_when_it_must:
            await asyncio.sleep(0.02)
    values = await until(plumbing_dsns, 60)
    await running.stop()
    assert len(values) == len(set(await seen(plumbing_dsns))) == 60
