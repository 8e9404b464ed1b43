"""An event and the erasure of its person, in either order and at once: one right end each time."""

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest

from services.accounting.bindings import service as bindings
from services.accounting.decoders import BINDINGS
from shared.projection import decoded
from tests.accounting.driver import Accounting
from tests.accounting.erasures.conftest import Erasures
from tests.accounting.reports import PARTNER, YESTERDAY, Reports, as_records

ROUNDS = 200
TOGETHER = 20  # people of one round of polls, as many as one step of the worker erases


async def publish_again(accounting: Accounting, person: Reports) -> None:
    """The record of the binding, delivered late or a second time."""
    async with accounting.database.transaction() as session:
        found = decoded(as_records([person.bindings[PARTNER]]), BINDINGS)
        await bindings.handle_bindings(session, found.items)


@pytest.mark.parametrize("order", ["event first", "erasure first", "at once"])
async def test_an_event_racing_an_erasure_has_one_right_end(
    accounting: Accounting, erasures_of: Erasures, admin: Any, order: str
) -> None:
    rounds = ROUNDS // TOGETHER
    late = itertools.cycle((True, False))
    for _ in range(rounds):
        people = [await accounting.citizen() for _ in range(TOGETHER)]
        rides = [person.bus(YESTERDAY + timedelta(hours=8)) for person in people]

        async def erase(people: list[Reports] = people) -> None:
            await erasures_of.ask(*people)
            await erasures_of.step(quiet_s=3600)
            if next(late):
                for person in people:
                    await publish_again(accounting, person)

        if order == "event first":
            await accounting.post(*rides)
            await erase()
        elif order == "erasure first":
            await erase()
            await accounting.post(*rides)
        else:
            await asyncio.gather(accounting.post(*rides), erase())
        for _ in range(6):  # the worker comes again after the quiet time
            await erasures_of.hurry()
            await erasures_of.step()
    of_erased = "account_id IN (SELECT account_id FROM accounting.erasure_task)"
    assert await admin.fetchval("SELECT count(*) FROM accounting.erasure_task WHERE done_at IS NULL") == 0
    assert await admin.fetchval(f"SELECT count(*) FROM accounting.binding WHERE {of_erased}") == 0
    assert await admin.fetchval(f"SELECT count(*) FROM accounting.activity WHERE {of_erased} AND act IS NOT NULL") == 0
    assert (
        await admin.fetchval(
            f"SELECT coalesce(sum(balance_mg), 0) FROM accounting.ledger_account WHERE {of_erased} AND kind = 'person'"
        )
        == 0
    )
    rows = await admin.fetch(
        "SELECT status, account_id IS NULL AS stranger, count(*) AS n FROM accounting.activity GROUP BY 1, 2"
    )
    ends = {(row["status"], row["stranger"]): row["n"] for row in rows}
    # Credited before the erasure, its grams withdrawn; or an event of a stranger.
    assert ends.keys() <= {("credited", False), ("parked", True)}
    assert sum(ends.values()) == ROUNDS
    if order == "event first":
        assert ends == {("credited", False): ROUNDS}
    if order == "erasure first":
        assert ends == {("parked", True): ROUNDS}
