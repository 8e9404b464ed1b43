"""Refunds of orders by two operators: everything comes back once, whatever happens in between."""

import asyncio
import uuid
from collections import Counter
from typing import Any

import pytest

from services.rewards.catalogue.domain import Limits
from tests.rewards.conftest import COST_FEN, PRICE_MG, Rewards
from tests.rewards.fake_accounting import REQUEST_LOST, UNAVAILABLE
from tests.rewards.operators import WHY, Operators
from tests.rewards.test_settlement import dying_at

LIMITS = Limits(per_day=1, per_month=2, promotion="spring", per_promotion=1)


@pytest.fixture
async def operators(rewards: Rewards) -> Operators:
    await rewards.add_item(stock=3, limits=LIMITS)
    return Operators(rewards)


async def ordered(rewards: Rewards, *, looks: bool = True) -> tuple[uuid.UUID, Any]:
    user = rewards.citizen()
    order = (await rewards.order(user)).json()
    if looks:
        await rewards.get(f"/me/vouchers/{order['vouchers'][0]['voucher_id']}", user)
    return user, order


async def budget(rewards: Rewards) -> tuple[int, int]:
    (row,) = await rewards.sql("SELECT reserved_fen, spent_fen FROM rewards.budget")
    return row["reserved_fen"], row["spent_fen"]


async def test_everything_comes_back_with_a_refund(rewards: Rewards, operators: Operators) -> None:
    user, order = await ordered(rewards)
    code = (await rewards.get(f"/me/vouchers/{order['vouchers'][0]['voucher_id']}", user)).json()["code"]
    assert await budget(rewards) == (0, COST_FEN)
    proposal_id = await operators.propose(f"/orders/{order['order_id']}/refund", {"reason": "面是凉的"})
    assert rewards.balance_mg(user) == 0
    await operators.refused("SECOND_PERSON_NEEDED", "POST", f"/proposals/{proposal_id}/approve", WHY)
    await operators.approve(proposal_id)
    assert rewards.balance_mg(user) == PRICE_MG
    assert await rewards.stock() == {"available": 3, "reserved": 0, "sold": 0}
    assert await budget(rewards) == (0, 0)
    shown = (await rewards.get(f"/orders/{order['order_id']}", user)).json()
    assert (shown["status"], shown["reason_code"]) == ("cancelled", "REFUNDED")
    assert [one["order_id"] for one in (await rewards.get("/me/orders", user)).json()["items"]] == [order["order_id"]]
    seen = await operators.did(200, "GET", f"/orders/{order['order_id']}")
    assert (seen["status"], seen["cost_fen"], "user_id" in seen) == ("cancelled", COST_FEN, False)
    assert await operators.audited(order["order_id"]) == [
        ("order.refund.propose", "ann"),
        ("order.refund.approve", "bob"),
    ]
    # The limits are free again, and the code that this person has seen goes to nobody.
    again = await rewards.order(user)
    assert again.status_code == 201, again.text
    new = (await rewards.get(f"/me/vouchers/{again.json()['vouchers'][0]['voucher_id']}", user)).json()["code"]
    assert new != code


async def test_a_seen_code_of_a_partner_leaves_the_stock_when_refunded(rewards: Rewards, operators: Operators) -> None:
    await rewards.sql("UPDATE rewards.voucher SET imported = true")
    user, order = await ordered(rewards)
    assert (await rewards.cancel(user, order["order_id"])).json()["code"] == "VOUCHER_OPENED"
    await operators.by_two(f"/orders/{order['order_id']}/refund")
    assert rewards.balance_mg(user) == PRICE_MG
    assert await budget(rewards) == (0, 0)
    assert await rewards.stock() == {"available": 2, "reserved": 0, "sold": 0}
    (retired,) = await rewards.sql("SELECT order_id, withdrawn FROM rewards.voucher WHERE retired")
    assert (str(retired["order_id"]), retired["withdrawn"]) == (order["order_id"], True)
    voucher = await rewards.get(f"/me/vouchers/{order['vouchers'][0]['voucher_id']}", user)
    assert voucher.json()["code"] == "VOUCHER_NOT_FOUND"
    others = [await rewards.order(rewards.citizen()) for _ in range(3)]
    assert [other.status_code for other in others] == [201, 201, 409]


async def test_an_unseen_code_of_a_partner_goes_to_the_next_citizen(rewards: Rewards, operators: Operators) -> None:
    await rewards.sql("UPDATE rewards.voucher SET imported = true")
    _, order = await ordered(rewards, looks=False)
    await operators.by_two(f"/orders/{order['order_id']}/refund")
    assert await rewards.stock() == {"available": 3, "reserved": 0, "sold": 0}


async def test_only_a_confirmed_order_is_refunded_and_only_once(rewards: Rewards, operators: Operators) -> None:
    await operators.refused("ORDER_NOT_FOUND", "POST", f"/orders/{uuid.uuid4()}/refund", WHY)
    user, order = await ordered(rewards)
    path = f"/orders/{order['order_id']}/refund"
    proposal_id = await operators.propose(path)
    await operators.refused("PROPOSAL_OPEN", "POST", path, WHY, by="eve")
    await rewards.cancel(user, order["order_id"])
    await operators.refused("ORDER_NOT_REFUNDABLE", "POST", f"/proposals/{proposal_id}/approve", WHY, by="bob")
    await operators.did(200, "POST", f"/proposals/{proposal_id}/reject", WHY)
    await operators.refused("ORDER_NOT_REFUNDABLE", "POST", path, WHY)
    rewards.network.faults["spend"] = UNAVAILABLE
    pending = (await rewards.order(rewards.citizen())).json()
    await operators.refused("ORDER_NOT_REFUNDABLE", "POST", f"/orders/{pending['order_id']}/refund", WHY)
    rewards.network.faults.clear()
    await rewards.work()
    assert rewards.balance_mg(user) == PRICE_MG


async def test_a_refund_races_with_the_citizens_own_return(rewards: Rewards, operators: Operators) -> None:
    ends: Counter[tuple[int, int]] = Counter()
    for _ in range(25):
        user, order = await ordered(rewards)
        proposal_id = await operators.propose(f"/orders/{order['order_id']}/refund")
        cancelled, approved = await asyncio.gather(
            rewards.cancel(user, order["order_id"]),
            operators.call("POST", f"/proposals/{proposal_id}/approve", WHY, by="bob"),
        )
        await rewards.drive_due()
        ends[cancelled.status_code, approved.status_code] += 1
        assert rewards.balance_mg(user) == PRICE_MG
        assert await rewards.stock() == {"available": 3, "reserved": 0, "sold": 0}
        assert await budget(rewards) == (0, 0)
    assert {approved for _, approved in ends} <= {200, 409}
    assert {cancelled for cancelled, _ in ends} <= {200, 202, 409}


async def test_many_approvals_at_once_refund_once(rewards: Rewards, operators: Operators) -> None:
    user, order = await ordered(rewards)
    proposal_id = await operators.propose(f"/orders/{order['order_id']}/refund")
    answers = await asyncio.gather(
        *(operators.call("POST", f"/proposals/{proposal_id}/approve", WHY, by=f"chief-{n}") for n in range(8))
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}
    assert rewards.balance_mg(user) == PRICE_MG


async def test_the_worker_ends_a_refund_that_accounting_did_not_answer(rewards: Rewards, operators: Operators) -> None:
    user, order = await ordered(rewards)
    rewards.network.faults["all"] = REQUEST_LOST
    await operators.by_two(f"/orders/{order['order_id']}/refund")
    shown = (await rewards.get(f"/orders/{order['order_id']}", user)).json()
    assert (shown["status"], rewards.balance_mg(user)) == ("cancelling", 0)
    voucher = await rewards.get(f"/me/vouchers/{order['vouchers'][0]['voucher_id']}", user)
    assert voucher.status_code == 404, "a voucher under refund can be used by nobody"
    rewards.network.faults.clear()
    await due_now(rewards)
    await rewards.drive_due()
    assert (await rewards.get(f"/orders/{order['order_id']}", user)).json()["status"] == "cancelled"
    assert rewards.balance_mg(user) == PRICE_MG


async def due_now(rewards: Rewards) -> None:
    await rewards.sql("UPDATE rewards.orders SET next_attempt_at = now() WHERE status = 'returning'")


async def test_an_approval_that_dies_at_any_point_refunds_wholly_or_not_at_all(
    rewards: Rewards, operators: Operators
) -> None:
    points: list[str] = []
    for point in range(1, 40):
        user, order = await ordered(rewards)
        proposal_id = await operators.propose(f"/orders/{order['order_id']}/refund")
        path = f"/proposals/{proposal_id}/approve"

        async def approve(path: str = path) -> None:
            await operators.call("POST", path, WHY, by="bob")

        passed = await dying_at(rewards, point, approve)
        await due_now(rewards)
        await rewards.drive_due()
        shown = (await rewards.get(f"/orders/{order['order_id']}", user)).json()
        if shown["status"] == "confirmed":
            assert (await operators.did(200, "GET", f"/proposals/{proposal_id}"))["status"] == "open"
            assert rewards.balance_mg(user) == 0
            await operators.approve(proposal_id)
        else:
            assert (shown["status"], shown["reason_code"]) == ("cancelled", "REFUNDED")
        assert rewards.balance_mg(user) == PRICE_MG
        assert await rewards.stock() == {"available": 3, "reserved": 0, "sold": 0}
        if len(passed) < point:
            points = passed
            break
    assert points == [
        *("before commit", "after commit") * 2,
        "before refund",
        "after refund",
        "before commit",
        "after commit",
    ], points


async def test_a_refund_needs_the_scope_and_a_reason(rewards: Rewards, operators: Operators) -> None:
    user, order = await ordered(rewards)
    path = f"/api/v1/rewards/ops/orders/{order['order_id']}/refund"
    for headers, status in (
        (rewards.tokens.operator("ops:read"), 403),
        (rewards.tokens.citizen(user), 403),
        ({}, 401),
    ):
        answer = await rewards.client.post(path, json=WHY, headers=headers)
        assert answer.status_code in {status, 401}
    await operators.refused("INVALID_REQUEST", "POST", f"/orders/{order['order_id']}/refund", {"reason": " "})
