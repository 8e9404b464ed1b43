"""A short, seeded attack in every test run: a worker and database sessions killed, the log's connections reset, clients
that hang up, all under load; then the checker. `make chaos` plays everything."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from tests.chaos import report
from tests.chaos.checker import Checker
from tests.chaos.faults import ALL, DRILLS, KAFKA, SHORT, chosen
from tests.chaos.history import Event, History, Told
from tests.chaos.load import Load
from tests.chaos.run import Result, Run
from tests.chaos.stack import Attacked

SEED = 7
RATE = 40.0
CITIZENS = 4


async def attacked(run_dir: Path) -> tuple[Result, list[str]]:
    """Plays the short plan; then plants faults in the database to see that the checker is not blind."""
    stack = Attacked(run_dir, log="postgres", port_offset=20_000, environment={"ACCOUNTING_LEASE_S": "3"})
    try:
        await stack.up()
        load = Load(stack.directory.credentials, SEED, events_per_s=RATE, citizens=CITIZENS)
        result = await Run(stack, load, chosen("short", SEED), SEED).play(lambda _: None, budget_s=120)
        return result, await planted(stack, load.history)
    finally:
        await stack.down()


async def planted(stack: Attacked, history: History) -> list[str]:
    event = history.accepted()[0]
    history.events["bus", "never-arrived"] = Event("bus", "never-arrived", {"data": {}}, told=Told.ACCEPTED, copies=1)
    event.told = Told.REJECTED
    connection = await asyncpg.connect(stack.admin_dsn)
    try:
        await connection.execute(
            "UPDATE accounting.ledger_account SET balance_mg = balance_mg + 1 WHERE kind = 'person'"
        )
        await connection.execute(
            "UPDATE rewards.voucher SET order_id = NULL, order_line = NULL, user_id = NULL, assigned_at = NULL"
        )
    finally:
        await connection.close()
    return (await Checker(stack.admin_dsn, history).check(at_rest=True)).problems


@pytest.mark.stack
@pytest.mark.timeout(240)
async def test_nothing_is_lost_and_nothing_doubled_whatever_dies(tmp_path: Path) -> None:
    result, seen = await attacked(tmp_path / "run")
    assert report.problems(result) == []
    assert [outcome.fault.name for outcome in result.outcomes] == list(SHORT)
    assert result.figures["events_accepted"] > 200
    assert result.figures["writes_acknowledged"] > 5
    assert result.figures["process_restarts"] >= 1
    found = " ".join(seen)
    for words in (
        "answered accepted, yet lost",
        "answered rejected, yet there",
        "grams_conserved",
        "balances_are_postings",
        "vouchers_are_confirmed_orders",
        "rebuild differs",
    ):
        assert words in found


def test_every_fault_is_in_the_full_plan_and_the_seed_decides_their_order() -> None:
    first, again, other = (
        [fault.name for fault in found] for found in (chosen("all", 1), chosen("all", 1), chosen("all", 2))
    )
    assert first == again
    assert first != other
    assert sorted(first) == sorted(other)
    assert first[-len(DRILLS) :] == list(DRILLS)
    assert {name for name in ALL if name not in first} == {"worker", "worker-kills", "hang-ups-short"}
    assert [fault.name for fault in chosen("kafka", 1)] == list(KAFKA)
    with pytest.raises(KeyError):
        chosen("nonsense", 1)


async def test_the_report_tells_a_failed_run_from_a_good_one(tmp_path: Path) -> None:
    result = Result("postgres", 1)
    report.write(result, tmp_path)
    assert report.as_json(result)["ok"] is True
    result.final.add("answered accepted, yet lost", ["one"])
    assert report.as_json(result)["ok"] is False
    await asyncio.to_thread(report.write, result, tmp_path)
    assert "yet lost" in (tmp_path / "chaos.md").read_text()
