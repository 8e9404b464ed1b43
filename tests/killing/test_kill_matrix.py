"""However a process dies at a commit, the settlement ends within two minutes: delivered once, or given back wholly.

Real processes: accounts, accounting, rewards and its worker. A gate in front of each database stops at the commit that
a cell names; then the process behind it is killed, or its connection is lost, or the commit is slow.
`make nightly` plays every cell. The suite plays a few.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import pytest

from tests.killing.city import WORKER, Case, City, expected, open_city
from tests.killing.gate import Fault
from tests.killing.matrix import (
    BACK,
    CAPTURED,
    CONFIRMED,
    GIVEN,
    JOURNEYS,
    REFUNDED,
    RETURNING,
    Cell,
    Journey,
    cells,
    table,
)
from tests.killing.steps import NOTHING, arrows_of_the_rules
from tests.shop import ROOT
from tests.tokens import TokenFactory

WITHIN_S: Final = 120
_GONE_S: Final = {Fault.DOWN: 10, Fault.AWAY: 70}
_KILLS: Final = {Fault.KILLED_BEFORE, Fault.KILLED_AFTER, *_GONE_S}
_MEETS_S: Final = 90  # the worker looks for silent banks every 15 s and waits as long before it drives
Act = Callable[[], Awaitable[Any]]


@pytest.fixture(scope="module")
def city(postgres_admin_dsn: str, tmp_path_factory: pytest.TempPathFactory, tokens: TokenFactory) -> Iterator[City]:
    with open_city(postgres_admin_dsn, tmp_path_factory.mktemp("killing"), tokens) as city:
        yield city


async def arrange(case: Case, journey: Journey) -> Act:
    """Bring the settlement to the beginning of the journey. Return what the citizen or the operator does then."""
    if journey.steps[0] == RETURNING:
        answer = await case.spend()
        assert answer is not None
        assert answer.status_code == 201, answer.text
        if journey.name.startswith("two operators"):
            proposal_id = await case.propose_refund()
            return lambda: case.approve(proposal_id)
        if journey.kind == "loan":
            return case.be_silent if journey.driver == WORKER else case.refuse
        return case.cancel
    if "pending" in journey.name:
        is_paid = journey.name.startswith("a paid order")
        await case.become_pending(Fault.LOST if is_paid else Fault.REFUSED, CAPTURED)
        return case.grow_old if journey.driver == WORKER else case.cancel
    return case.spend


async def begin(city: City, journey: Journey, cell: Cell | None, act: Act) -> "asyncio.Future[Any]":
    """Do the act until the fault of the cell meets its step. Without a cell, to the end."""
    acting = asyncio.ensure_future(act())
    if cell is None:
        await acting
        return acting
    victim = victim_of(cell)
    gate, step = city.gates[victim], cell.step
    if cell.fault in _GONE_S:
        gate, step = city.gates[journey.driver], journey.steps[journey.steps.index(cell.step) - 1]
    gate.arm(step, cell.fault, (lambda: city.shop.kill(victim)) if cell.fault in _KILLS else lambda: None)
    assert await asyncio.to_thread(gate.fired.wait, _MEETS_S), f"no {cell.step}: {city.passed}"
    return acting


def victim_of(cell: Cell) -> str:
    return "accounting" if cell.is_of_accounting else cell.journey.driver


async def play(city: City, journey: Journey, cell: Cell | None) -> Case:
    """Play a journey with the fault of a cell. Killed processes are started again. Return when it has ended."""
    case = await city.prepare(kind=journey.kind, is_poor="without" in journey.name)
    by_request = journey.driver == "rewards"
    with city.frozen_worker():
        act = await arrange(case, journey)
        city.disarm()
        if by_request:
            acting = await begin(city, journey, cell, act)
    if not by_request:
        acting = await begin(city, journey, cell, act)
    happened = time.monotonic()
    if cell is not None and cell.fault in _KILLS:
        await asyncio.sleep(_GONE_S.get(cell.fault, 0))
        await asyncio.to_thread(city.shop.restart, victim_of(cell))
    await acting
    # What the worker begins has not begun yet: the settlement is still what it was.
    ends = ("confirmed", "cancelled") if by_request else ("cancelled",)
    took_s = await case.wait_for_end(happened, WITHIN_S, ends=ends)
    print(f"{cell.name if cell else journey.name}: ended after {took_s:.1f} s")
    return case


async def assert_ended(case: Case, end: str) -> None:
    found = await case.state()
    wanted = expected(case, end)
    assert {name: found[name] for name in wanted} == wanted
    assert found["holds"].replace("voided", "").strip() in ({"captured"} if end == GIVEN else {"", "refunded"})
    statuses = [row["status"] for row in await case.rows()]
    assert statuses == {GIVEN: ["confirmed"], BACK: ["cancelled"], NOTHING: []}[end]


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.name)
async def test_a_journey_has_the_commits_of_the_matrix(city: City, journey: Journey) -> None:
    case = await play(city, journey, None)
    assert city.passed == list(journey.steps)
    await assert_ended(case, journey.after)


def test_the_journeys_go_through_every_change_of_state_that_the_rules_allow() -> None:
    walked = {step for journey in JOURNEYS for step in journey.steps if not step.startswith("hold ")}
    assert walked == arrows_of_the_rules()


def test_the_matrix_is_in_the_documents() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert "\n".join(table()) in page, "write the table of tests/killing/matrix.py into docs/reliability.md"


def _in_suite(cell: Cell) -> bool:
    return (cell.journey.name, cell.step, cell.fault) in {
        ("an order", CAPTURED, Fault.KILLED_AFTER),
        ("an order", CONFIRMED, Fault.KILLED_BEFORE),
        ("an order is given back", REFUNDED, Fault.LOST),
    }


@pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, id=cell.name, marks=() if _in_suite(cell) else pytest.mark.nightly) for cell in cells()],
)
async def test_a_settlement_that_meets_a_fault_at_a_commit_ends_whole(city: City, cell: Cell) -> None:
    case = await play(city, cell.journey, cell)
    await assert_ended(case, cell.end)
    # The client never got an answer, or asks again: the same request, the same end.
    answer = await case.spend()
    assert answer is not None
    assert answer.status_code in {201, 409}, answer.text
    await assert_ended(case, cell.journey.after if cell.end == NOTHING else cell.end)
