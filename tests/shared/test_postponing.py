"""A handler that leaves undone what others hold: everything takes effect once, and offsets wait for all of it."""

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


class Chooser:
    """Does the records whose number is even at once, the others when it must; knows again what it has done.

    `calls`: of each call how many it was given, and whether it had to do all of them.
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


async def _moved(database: Database) -> int:
    async with database.transaction() as session:
        total = await session.scalar(text(f"SELECT sum(next_offset)::bigint FROM {SCHEMA}.consumer_partition"))
        return int(total or 0)


async def test_what_is_postponed_takes_effect_once_and_then_the_offsets_move(
    plumbing_settings: ServiceSettings, plumbing_dsns: Dsns, database: Database, log: EventLog, topic: str
) -> None:
    before = await _moved(database)
    await log.publish(topic, numbered(400))
    handler = Chooser()
    small = plumbing_settings.model_copy(update={"poll_records_max": 40})
    running = Running(topic, database, log, small, handler)
    values = await until(plumbing_dsns, 400)
    await running.stop()
    assert sorted(values) == sorted(f"r{n}" for n in range(400))
    assert await _moved(database) - before == 400
    assert any(must for _, must in handler.calls)


async def test_polls_join_until_there_are_enough_of_them(
    plumbing_settings: ServiceSettings, plumbing_dsns: Dsns, database: Database, log: EventLog, topic: str
) -> None:
    """Offsets must not stand still for ever because each poll brings something new that is held."""
    await log.publish(topic, numbered(600))
    handler = Chooser()
    small = plumbing_settings.model_copy(update={"poll_records_max": 40})
    running = Running(topic, database, log, small, handler)
    await until(plumbing_dsns, 600)
    await running.stop()
    in_a_row, most = 0, 0
    for _, must in handler.calls:
        in_a_row = 0 if must else in_a_row + 1
        most = max(most, in_a_row)
    assert 1 <= most <= POLLS_TOGETHER


async def test_an_interruption_between_the_transactions_repeats_nothing(
    plumbing_settings: ServiceSettings, plumbing_dsns: Dsns, database: Database, log: EventLog, topic: str
) -> None:
    await log.publish(topic, numbered(60))
    handler = Chooser(fail_when_it_must=3)
    running = Running(topic, database, log, plumbing_settings, handler)
    async with asyncio.timeout(20):
        while handler.fail_when_it_must:
            await asyncio.sleep(0.02)
    values = await until(plumbing_dsns, 60)
    await running.stop()
    assert len(values) == len(set(await seen(plumbing_dsns))) == 60
