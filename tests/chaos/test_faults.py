"""A short run of faults under load: a killed worker, killed database sessions, reset connections to the log, clients
that hang up. Then the checker runs. `make chaos` plays every fault."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from tests.chaos import report
from tests.chaos.checker import Checker
from tests.chaos.faults import ALL, DRILLS, KAFKA, SHORT, STARVE, select_faults
from tests.chaos.history import Ack, Event, History
from tests.chaos.load import Load
from tests.chaos.run import Result, Run
from tests.chaos.stack import FaultStack

SEED = 7
RATE = 40.0
CITIZENS = 4


async def run_short_plan(run_dir: Path) -> tuple[Result, list[str]]:
    """Play the short plan. Then plant losses and changes in the database, which the checker must find."""
    stack = FaultStack(run_dir, log="postgres", port_offset=20_000, environment={"ACCOUNTING_LEASE_S": "3"})
    try:
        await stack.up()
        load = Load(stack.directory.credentials, SEED, events_per_s=RATE, citizens=CITIZENS)
        result = await Run(stack, load, select_faults("short", SEED), SEED).play(lambda _: None, budget_s=120)
        return result, await find_planted_faults(stack, load.history)
    finally:
        await stack.down()


async def find_planted_faults(stack: FaultStack, history: History) -> list[str]:
    event = history.accepted()[0]
    history.events["bus", "never-arrived"] = Event("bus", "never-arrived", {"data": {}}, ack=Ack.ACCEPTED, copies=1)
    event.ack = Ack.REJECTED
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


@pytest.mark.nightly
@pytest.mark.stack
@pytest.mark.timeout(240)
async def test_short_fault_run_loses_and_doubles_nothing(tmp_path: Path) -> None:
    result, seen = await run_short_plan(tmp_path / "run")
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


def test_full_plan_has_every_fault_in_an_order_the_seed_decides() -> None:
    first, again, other = (
        [fault.name for fault in found]
        for found in (select_faults("all", 1), select_faults("all", 1), select_faults("all", 2))
    )
    assert first == again
    assert first != other
    assert sorted(first) == sorted(other)
    assert first[-len(DRILLS) :] == list(DRILLS)
    assert {name for name in ALL if name not in first} == {
        "worker",
        "worker-kills",
        "hang-ups-short",
        *STARVE,
    }
    assert [fault.name for fault in select_faults("starve", 1)] == list(STARVE)
    assert [fault.name for fault in select_faults("kafka", 1)] == list(KAFKA)
    with pytest.raises(KeyError):
        select_faults("nonsense", 1)


async def test_report_distinguishes_a_failed_run_from_a_good_one(tmp_path: Path) -> None:
    result = Result("postgres", 1)
    report.write_files(result, tmp_path)
    assert report.as_json(result)["ok"] is True
    result.final.add("answered accepted, yet lost", ["one"])
    assert report.as_json(result)["ok"] is False
    await asyncio.to_thread(report.write_files, result, tmp_path)
    assert "yet lost" in (tmp_path / "chaos.md").read_text()
