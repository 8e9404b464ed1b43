"""Budgets: opened, raised and closed by two, never overdrawn, with an alarm when 80 % are used."""

import asyncio
from collections import Counter
from typing import Any

import pytest
import structlog

from services.rewards.approvals.domain import MallProposal
from services.rewards.budgets import service as budgets
from services.rewards.budgets.domain import used_percent
from services.rewards.proposals import service as proposals
from tests.rewards.conftest import COST_FEN, PRICE_MG, Rewards
from tests.rewards.operators import BUDGET, WHY, Operators


@pytest.fixture
def operators(rewards: Rewards) -> Operators:
    return Operators(rewards)


async def report(rewards: Rewards) -> list[str]:
    """Run the timed job. Return the budgets it warned about."""
    with structlog.testing.capture_logs() as logs:
        async with rewards.database.transaction() as session:
            await budgets.report(session)
    return [entry["budget_id"] for entry in logs if entry["event"] == "budget_nearly_used"]


async def test_two_persons_open_a_budget(rewards: Rewards, operators: Operators) -> None:
    proposal_id = await operators.propose("/budgets", BUDGET)
    await operators.refused("BUDGET_NOT_FOUND", "GET", "/budgets/noodles-2027")
    await operators.refused("SECOND_PERSON_NEEDED", "POST", f"/proposals/{proposal_id}/approve", WHY, by="Ann")
    await operators.approve(proposal_id)
    made = await operators.did(200, "GET", "/budgets/noodles-2027")
    assert (made["limit_fen"], made["left_fen"], made["used_percent"]) == (100_000, 100_000, 0)
    assert (made["sponsor_id"], made["closed_at"], made["alarmed_at"]) == ("guozao", None, None)
    await operators.refused("BUDGET_EXISTS", "POST", "/budgets", BUDGET)
    assert await operators.audited("noodles-2027") == [("budget.open.propose", "ann"), ("budget.open.approve", "bob")]


async def test_a_limit_is_raised_by_two_and_never_lowered(operators: Operators) -> None:
    await operators.by_two("/budgets", BUDGET)
    for limit_fen in (100_000, 99_999):
        await operators.refused(
            "BUDGET_LIMIT_TOO_LOW", "POST", "/budgets/noodles-2027/raise", {"limit_fen": limit_fen, **WHY}
        )
    for wrong in (0, -1, 10**12 + 1, 1.5, "1", True):
        await operators.refused("INVALID_REQUEST", "POST", "/budgets/noodles-2027/raise", {"limit_fen": wrong, **WHY})
    await operators.by_two("/budgets/noodles-2027/raise", {"limit_fen": 150_000, **WHY})
    assert (await operators.did(200, "GET", "/budgets/noodles-2027"))["limit_fen"] == 150_000
    (entry,) = await operators.rewards.sql(
        "SELECT before->>'limit_fen' AS before, after->>'limit_fen' AS after FROM rewards.audit_log"
        " WHERE action = 'budget.raise.approve'"
    )
    assert (entry["before"], entry["after"]) == ("100000", "150000")


async def test_a_closed_budget_takes_no_order_and_gives_back_as_usual(rewards: Rewards, operators: Operators) -> None:
    await operators.prepare()
    await operators.publish(per_user_limit=None)
    user = rewards.citizen(9 * PRICE_MG)
    order = (await rewards.order(user)).json()
    await operators.by_two("/budgets/noodles-2027/close")
    refused = await rewards.order(user)
    assert (refused.status_code, refused.json()["code"]) == (409, "BUDGET_EXHAUSTED")
    assert (await rewards.cancel(user, order["order_id"])).json()["status"] == "cancelled"
    assert (await rewards.order(user)).json()["code"] == "BUDGET_EXHAUSTED"
    closed = await operators.did(200, "GET", "/budgets/noodles-2027")
    assert (closed["left_fen"], closed["spent_fen"], closed["closed_at"] is not None) == (0, 0, True)
    for path, body in (("raise", {"limit_fen": 10**6, **WHY}), ("close", WHY)):
        await operators.refused("BUDGET_CLOSED", "POST", f"/budgets/noodles-2027/{path}", body)


async def test_orders_race_with_the_closing_and_none_is_taken_afterwards(
    rewards: Rewards, operators: Operators
) -> None:
    await operators.prepare()
    await operators.publish(stock=50)
    proposal_id = await operators.propose("/budgets/noodles-2027/close")
    users = [rewards.citizen() for _ in range(32)]
    answers = await asyncio.gather(
        *(rewards.order(user) for user in users[:16]),
        operators.call("POST", f"/proposals/{proposal_id}/approve", WHY, by="bob"),
        *(rewards.order(user) for user in users[16:]),
    )
    assert set(Counter(answer.status_code for answer in answers)) <= {200, 201, 409}
    late = await rewards.sql(
        "SELECT 1 FROM rewards.orders JOIN rewards.budget USING (budget_id) WHERE orders.created_at > closed_at"
        " AND orders.status <> 'cancelled'"
    )
    assert late == []


async def test_a_raise_lets_waiting_people_in_and_no_fen_more(rewards: Rewards, operators: Operators) -> None:
    await operators.prepare(limit_fen=10 * COST_FEN)
    await operators.publish(stock=128)
    users = [rewards.citizen() for _ in range(64)]
    first = await asyncio.gather(*(rewards.order(user) for user in users))
    assert Counter(answer.status_code for answer in first) == {201: 10, 409: 54}
    await operators.by_two("/budgets/noodles-2027/raise", {"limit_fen": 15 * COST_FEN + 999, **WHY})
    second = await asyncio.gather(*(rewards.order(rewards.citizen()) for _ in range(64)))
    assert Counter(answer.json().get("code") for answer in second) == {None: 5, "BUDGET_EXHAUSTED": 59}


@pytest.mark.parametrize(
    ("limit_fen", "used_fen", "percent"),
    [(1_000, 799, 79), (1_000, 800, 80), (3, 2, 66), (0, 0, 100), (1_000, 1_000, 100), (10**12, 8 * 10**11 - 1, 79)],
)
def test_the_used_part_is_rounded_down(limit_fen: int, used_fen: int, percent: int) -> None:
    assert used_percent(limit_fen, used_fen) == percent


async def test_the_alarm_rings_once_at_80_percent_and_again_after_a_raise(
    rewards: Rewards, operators: Operators
) -> None:
    await operators.prepare(limit_fen=5 * COST_FEN)
    await operators.publish(stock=20, per_user_limit=None)
    user = rewards.citizen(20 * PRICE_MG)
    await rewards.order(user, quantity=3)
    assert await report(rewards) == []
    assert (await operators.did(200, "GET", "/budgets?alarmed=true"))["items"] == []
    await rewards.order(user)
    assert await report(rewards) == ["noodles-2027"]
    assert await report(rewards) == []
    (alarmed,) = (await operators.did(200, "GET", "/budgets?alarmed=true"))["items"]
    assert (alarmed["used_percent"], alarmed["alarmed_at"] is not None) == (80, True)
    metrics = (await rewards.client.get("/metrics")).text
    assert 'carbon_reward_budget_used_percent{budget="noodles-2027"} 80.0' in metrics
    assert f'carbon_reward_budget_left_fen{{budget="noodles-2027"}} {COST_FEN}.0' in metrics
    await operators.by_two("/budgets/noodles-2027/raise", {"limit_fen": 6 * COST_FEN, **WHY})
    assert await report(rewards) == []
    assert (await operators.did(200, "GET", "/budgets/noodles-2027"))["alarmed_at"] is None
    await rewards.order(user)
    assert await report(rewards) == ["noodles-2027"]
    await operators.by_two("/budgets/noodles-2027/close")
    assert await report(rewards) == []
    assert (await operators.did(200, "GET", "/budgets?alarmed=true"))["items"] == []


async def test_proposals_are_listed_by_state_and_withdrawn_by_their_author(operators: Operators) -> None:
    first = await operators.propose("/budgets", BUDGET)
    second = await operators.propose("/budgets", BUDGET | {"budget_id": "other"})
    shown = await operators.did(200, "GET", "/proposals?status=open")
    assert [one["proposal_id"] for one in shown["items"]] == [second, first]
    assert shown["items"][1]["content"]["limit_fen"] == BUDGET["limit_fen"]
    assert (await operators.did(200, "POST", f"/proposals/{first}/reject", WHY))["status"] == "withdrawn"
    assert (await operators.did(200, "POST", f"/proposals/{second}/reject", WHY, by="bob"))["status"] == "rejected"
    await operators.refused("PROPOSAL_DECIDED", "POST", f"/proposals/{first}/approve", WHY, by="bob")
    assert (await operators.did(200, "GET", f"/proposals/{first}"))["decided_by"] == "ann"


async def test_two_proposals_about_one_id_open_one_budget(operators: Operators) -> None:
    made = await asyncio.gather(
        *(operators.call("POST", "/budgets", BUDGET, by=f"ops-{number}") for number in range(6))
    )
    assert Counter(answer.status_code for answer in made) == {202: 1, 409: 5}
    proposal_id = next(answer.json()["proposal_id"] for answer in made if answer.status_code == 202)
    decided = await asyncio.gather(
        *(operators.call("POST", f"/proposals/{proposal_id}/approve", WHY, by=f"chief-{number}") for number in range(6))
    )
    assert Counter(answer.status_code for answer in decided) == {200: 1, 409: 5}


async def test_there_are_at_most_500_budgets(rewards: Rewards, operators: Operators) -> None:
    await rewards.sql(
        "INSERT INTO rewards.budget (budget_id, sponsor_id, sponsor_zh, sponsor_en, limit_fen)"
        " SELECT 'b-' || n, 'guozao', '联盟', 'A', 1 FROM generate_series(1, 500) n"
    )
    await operators.refused("TOO_MANY_BUDGETS", "POST", "/budgets", BUDGET)


@pytest.mark.parametrize(
    "change",
    [{"sponsor_id": "Guo Zao"}, {"sponsor_zh": ""}, {"limit_fen": 0}, {"budget_id": "x" * 61}, {"spent_fen": 1}],
    ids=str,
)
async def test_a_budget_with_a_fault_is_refused(operators: Operators, change: dict[str, Any]) -> None:
    await operators.refused("INVALID_REQUEST", "POST", "/budgets", BUDGET | change)


def test_every_kind_of_proposal_of_the_mall_is_decided_by_its_route() -> None:
    assert {kind.name for kind in proposals.kinds()} == set(MallProposal)
