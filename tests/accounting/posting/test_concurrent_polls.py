"""Concurrent transactions over the same people: nobody else waits, and nothing is counted twice."""

import asyncio

import asyncpg
import pytest

from services.accounting.decoders import ACTIVITIES
from services.accounting.intake import service as intake
from shared.consumer import Postponed
from shared.projection import decoded
from tests.accounting.driver import Accounting
from tests.accounting.outbox import outcomes
from tests.accounting.reports import as_records, sent_again
from tests.databases import Dsns


async def _tallied(dsns: Dsns) -> dict[str, int]:
    connection = await asyncpg.connect(dsns.admin)
    try:
        rows = await connection.fetch(
            "SELECT status, sum(events)::bigint FROM accounting.intake_tally GROUP BY 1 HAVING sum(events) <> 0"
        )
    finally:
        await connection.close()
    return {row[0]: row[1] for row in rows}


async def test_only_acts_of_locked_people_wait(accounting: Accounting, accounting_dsns: Dsns) -> None:
    held, free = await accounting.citizen(), await accounting.citizen()
    await accounting.post(held.metro(), free.metro())  # both have an account now
    connection = await asyncpg.connect(accounting_dsns.admin)
    first, second = held.bus(), held.bus()
    try:
        lock = connection.transaction()
        await lock.start()
        await connection.execute(
            "SELECT 1 FROM accounting.ledger_account WHERE account_id = $1 FOR UPDATE", held.account_id
        )
        posting = asyncio.create_task(accounting.post(first, free.bus(), second, sent_again(first)))
        async with asyncio.timeout(5):
            while (await accounting.get(free, "/me/balance"))["available_mg"] != 320_000:
                await asyncio.sleep(0.02)
        assert (await accounting.get(held, "/me/balance"))["available_mg"] == 170_000
        assert not posting.done()
        await lock.rollback()
    finally:  # a lock that stays would stop every later test
        await connection.close()
    await posting
    assert (await accounting.get(held, "/me/balance"))["available_mg"] == 470_000
    announced = [(o.account_id, o.status) for o in await outcomes(accounting_dsns)][2:]
    assert announced == [
        (free.account_id, "credited"),
        (held.account_id, "credited"),
        (held.account_id, "credited"),
        (None, "duplicate"),
    ]


async def test_a_poll_delivered_again_after_an_interruption_is_counted_once(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    held, free = await accounting.citizen(), await accounting.citizen()
    await accounting.post(held.metro(), free.metro())
    before = await _tallied(accounting_dsns)
    rides = [held.bus(), free.bus()]
    rides.append(sent_again(rides[1]))
    connection = await asyncpg.connect(accounting_dsns.admin)
    async with connection.transaction():
        await connection.execute(
            "SELECT 1 FROM accounting.ledger_account WHERE account_id = $1 FOR UPDATE", held.account_id
        )
        async with accounting.database.transaction() as session:  # as a worker that is killed after this commit
            poll = intake.sort_reports(decoded(as_records(rides), ACTIVITIES))
            result = await intake.handle_poll(session, poll, programmes=accounting.programmes)
        assert isinstance(result, Postponed)
    await connection.close()
    await accounting.post(*rides)
    after = await _tallied(accounting_dsns)
    assert after["credited"] - before["credited"] == 2
    assert after["duplicate"] - before.get("duplicate", 0) == 1
    announced = [o.status for o in await outcomes(accounting_dsns)][2:]
    assert sorted(announced) == ["credited", "credited", "duplicate"]
    assert (await accounting.check())["ok"]


@pytest.mark.parametrize("together", [2, 5])
async def test_concurrent_polls_over_the_same_people_equal_sequential_ones(
    accounting: Accounting, together: int
) -> None:
    people = [await accounting.citizen() for _ in range(30)]
    await accounting.post(*(person.metro() for person in people))
    await asyncio.gather(*(accounting.post(*(person.metro() for person in people)) for _ in range(together)))
    for person in people:  # two rides of a day count, whichever came first
        assert (await accounting.get(person, "/me/balance"))["available_mg"] == 2 * 170_000
    assert (await accounting.check())["ok"]
