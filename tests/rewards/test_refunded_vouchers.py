"""Refunds of orders whose vouchers were used or have expired: the citizen gets the grams, the shop keeps its money."""

import asyncio
import random
import uuid
from collections import Counter
from typing import Any

import httpx
import pytest

from services.rewards.vouchers import using
from tests.rewards.conftest import COST_FEN, Rewards
from tests.rewards.operators import WHY, Operators
from tests.rewards.tills import ANN, Till, bought, open_counter, ops, shown


@pytest.fixture
async def till(rewards: Rewards) -> Till:
    await rewards.add_item(stock=3, per_user_limit=None)
    return await open_counter(rewards)


async def refund(rewards: Rewards, order: dict[str, Any]) -> None:
    await Operators(rewards).by_two(f"/orders/{order['order_id']}/refund", {"reason": "面是凉的"})


async def states(rewards: Rewards, user: uuid.UUID) -> list[str]:
    return [one["status"] for one in (await rewards.get("/me/vouchers", user)).json()["items"]]


async def budget(rewards: Rewards) -> tuple[int, int]:
    (row,) = await rewards.sql("SELECT reserved_fen, spent_fen FROM rewards.budget")
    return row["reserved_fen"], row["spent_fen"]


async def test_a_refund_of_a_used_voucher_gives_the_grams_back_and_the_shop_keeps_its_money(
    rewards: Rewards, till: Till
) -> None:
    user, order = await bought(rewards)
    await till.redeem((await shown(rewards, user, order))["qr"])
    seen = await ops(rewards, "GET", f"/orders/{order['order_id']}", by=ANN, status=200)
    assert (seen["used_pieces"], seen["kept_fen"]) == (1, 0)
    await refund(rewards, order)
    assert rewards.balance_mg(user) == 50_000_000
    assert await budget(rewards) == (0, COST_FEN), "the bowl was handed out, so the sponsor pays it once"
    assert (await till.settlement())["fen"] == COST_FEN
    assert await rewards.stock() == {"available": 2, "reserved": 0, "sold": 0}, "the piece is gone"
    seen = await ops(rewards, "GET", f"/orders/{order['order_id']}", by=ANN, status=200)
    assert (seen["status"], seen["used_pieces"], seen["kept_fen"]) == ("cancelled", 1, COST_FEN)
    assert await states(rewards, user) == ["used"]


async def test_a_redemption_is_not_undone_once_its_voucher_was_refunded(rewards: Rewards, till: Till) -> None:
    user, order = await bought(rewards)
    redemption_id = (await till.redeem((await shown(rewards, user, order))["qr"])).json()["redemption_id"]
    await refund(rewards, order)
    refused = await till.undo(redemption_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "VOUCHER_REFUNDED")
    assert await states(rewards, user) == ["used"]
    assert (await till.settlement())["fen"] == COST_FEN


async def test_a_redemption_that_was_undone_before_the_refund_leaves_nothing_to_pay(
    rewards: Rewards, till: Till
) -> None:
    user, order = await bought(rewards)
    redemption_id = (await till.redeem((await shown(rewards, user, order))["qr"])).json()["redemption_id"]
    await till.undo(redemption_id)
    await refund(rewards, order)
    assert (await till.undo(redemption_id)).status_code == 200, "a repeat of the undo is harmless"
    assert await budget(rewards) == (0, 0)
    assert (await till.settlement())["fen"] == 0
    assert await rewards.stock() == {"available": 3, "reserved": 0, "sold": 0}
    assert await states(rewards, user) == ["given_back"]


async def test_a_refund_of_an_expired_voucher_gives_everything_back(rewards: Rewards, till: Till) -> None:
    user, order = await bought(rewards)
    qr = (await shown(rewards, user, order))["qr"]
    await rewards.sql("UPDATE rewards.voucher SET valid_until = clock_timestamp() WHERE order_id IS NOT NULL")
    async with rewards.database.transaction() as session:
        await using.expire_due(session)
    await refund(rewards, order)
    assert rewards.balance_mg(user) == 50_000_000
    assert await budget(rewards) == (0, 0)
    assert await rewards.stock() == {"available": 3, "reserved": 0, "sold": 0}, "a new code takes the place"
    assert await states(rewards, user) == ["expired"]
    late = await till.redeem(qr)
    assert (late.status_code, late.json()["code"]) == (409, "VOUCHER_EXPIRED")


async def test_an_expired_code_of_a_partner_leaves_the_stock_when_refunded(rewards: Rewards, till: Till) -> None:
    await rewards.sql("UPDATE rewards.voucher SET imported = true")
    user, order = await bought(rewards)
    await rewards.sql("UPDATE rewards.voucher SET valid_until = clock_timestamp() WHERE order_id IS NOT NULL")
    async with rewards.database.transaction() as session:
        await using.expire_due(session)
    await refund(rewards, order)
    assert await budget(rewards) == (0, 0)
    assert await rewards.stock() == {"available": 2, "reserved": 0, "sold": 0}
    assert (await till.settlement())["fen"] == 0
    assert await states(rewards, user) == ["expired"]


@pytest.mark.parametrize("imported", [False, True])
async def test_an_order_with_used_expired_and_unused_vouchers_is_refunded_piece_by_piece(
    rewards: Rewards, till: Till, imported: bool
) -> None:
    await rewards.sql("UPDATE rewards.voucher SET imported = $1", imported)
    user, order = await bought(rewards, quantity=3)
    await till.redeem((await shown(rewards, user, order))["qr"])
    await shown(rewards, user, order, line=2)
    await rewards.sql(
        "UPDATE rewards.voucher SET valid_until = clock_timestamp() WHERE order_id IS NOT NULL AND order_line = 2"
    )
    async with rewards.database.transaction() as session:
        await using.expire_due(session)
    await refund(rewards, order)
    assert rewards.balance_mg(user) == 50_000_000
    assert await budget(rewards) == (0, COST_FEN)
    assert (await till.settlement())["fen"] == COST_FEN
    left = 0 if imported else 2
    assert await rewards.stock() == {"available": left, "reserved": 0, "sold": 0}
    assert await states(rewards, user) == ["given_back", "expired", "used"], "the last line first, each once"


async def test_a_budget_is_not_spent_twice_by_refunds_of_used_vouchers(rewards: Rewards) -> None:
    """Else each refund would let another citizen order for money that the sponsor owes to the shop."""
    await rewards.add_item(stock=5, limit_fen=2 * COST_FEN, per_user_limit=None)
    till = await open_counter(rewards)
    for _ in range(2):
        user, order = await bought(rewards)
        await till.redeem((await shown(rewards, user, order))["qr"])
        await refund(rewards, order)
    refused = await rewards.order(rewards.citizen())
    assert (refused.status_code, refused.json()["code"]) == (409, "BUDGET_EXHAUSTED")
    assert (await till.settlement())["fen"] == 2 * COST_FEN


@pytest.mark.parametrize("first", ["redeem", "undo"])
async def test_a_till_racing_a_refund_pays_exactly_what_was_handed_out(rewards: Rewards, first: str) -> None:
    """The redemption or its undo come before the refund, or are refused after it."""
    await rewards.add_item(stock=40, per_user_limit=None)
    till = await open_counter(rewards)
    operators = Operators(rewards)
    ends: Counter[int] = Counter()
    for _ in range(15):
        user, order = await bought(rewards)
        qr = (await shown(rewards, user, order))["qr"]
        redemption_id = (await till.redeem(qr)).json()["redemption_id"] if first == "undo" else ""
        proposal_id = await operators.propose(f"/orders/{order['order_id']}/refund")

        async def act(qr: str = qr, redemption_id: str = redemption_id) -> httpx.Response:
            await asyncio.sleep(random.random() * 0.12)
            return await (till.redeem(qr) if first == "redeem" else till.undo(redemption_id))

        at_till, approved = await asyncio.gather(
            act(), operators.call("POST", f"/proposals/{proposal_id}/approve", WHY, by="bob")
        )
        assert approved.status_code == 200, approved.text
        assert at_till.json().get("code") in {None, "VOUCHER_GIVEN_BACK", "VOUCHER_NOT_FOUND", "VOUCHER_REFUNDED"}
        await rewards.drive_due()
        ends[at_till.status_code] += 1
        assert rewards.balance_mg(user) == 50_000_000
        assert (await budget(rewards))[1] == (await till.settlement())["fen"]
    assert sum(ends.values()) == 15
