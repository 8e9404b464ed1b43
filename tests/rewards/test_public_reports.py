"""Faults of shops, wallets and payment clients that were reported in public, tried on orders and vouchers."""

import asyncio
import uuid
from collections import Counter

import pytest

from shared.contracts.identity import person_account_id
from tests.rewards.conftest import PRICE_MG, Rewards
from tests.rewards.fake_accounting import REQUEST_LOST, RESPONSE_LOST, UNAVAILABLE


async def test_c1_the_last_piece_is_sold_once_to_two_people_at_once(rewards: Rewards) -> None:
    """Paymenter#965: the check passes for both, and the stock becomes -1."""
    await rewards.add_item(stock=0, per_user_limit=None)
    for number in range(10):
        await rewards.add_item(f"last-{number}", stock=1)
        pair = [rewards.citizen(), rewards.citizen()]
        answers = await asyncio.gather(*(rewards.order(user, f"last-{number}") for user in pair))
        assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_c1_one_person_asking_for_the_last_piece_twice_gets_one(rewards: Rewards) -> None:
    """vendure#3508: one variant twice in a cart bypassed the check of the stock."""
    await rewards.add_item(stock=1, per_user_limit=None)
    user = rewards.citizen(5 * PRICE_MG)
    answers = await asyncio.gather(*(rewards.order(user) for _ in range(5)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 4}
    assert rewards.balance_mg(user) == 4 * PRICE_MG


async def test_c1_people_who_give_up_leave_no_piece_behind(rewards: Rewards) -> None:
    """event-espresso-core#109: carts of a sale of 3,000 tickets oversold, and abandoned ones blocked stock."""
    await rewards.add_item(stock=5)
    rewards.network.faults = {"spend": REQUEST_LOST}
    assert {(await rewards.order(rewards.citizen())).status_code for _ in range(5)} == {202}
    assert (await rewards.order(rewards.citizen())).json()["code"] == "SOLD_OUT"
    rewards.network.faults = {}
    await rewards.work(90)
    answers = await asyncio.gather(*(rewards.order(rewards.citizen()) for _ in range(8)))
    assert Counter(answer.status_code for answer in answers) == {201: 5, 409: 3}


async def test_c7_a_client_that_keeps_its_reference_after_a_decline_can_pay_later(rewards: Rewards) -> None:
    """checkout-woocommerce-plugin#361: a declined payment blocked its reference for every later attempt."""
    await rewards.add_item()
    user = rewards.citizen(0)
    for attempt in range(3):
        refused = await rewards.order(user, key=f"attempt-number-{attempt}", client_request_id="cart-17")
        assert refused.json()["code"] == "INSUFFICIENT_BALANCE"
    rewards.ledger.frozen.add(person_account_id(user))
    assert (await rewards.order(user, client_request_id="cart-17")).json()["code"] == "ACCOUNT_FROZEN"
    rewards.ledger.frozen.clear()
    rewards.ledger.balances[person_account_id(user)] = PRICE_MG
    answers = await asyncio.gather(*(rewards.order(user, client_request_id="cart-17") for _ in range(4)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 3}
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"CLIENT_REQUEST_ID_USED"}


@pytest.mark.parametrize("fault", [REQUEST_LOST, RESPONSE_LOST, UNAVAILABLE])
async def test_c8_a_client_that_makes_a_new_key_for_every_retry_pays_once(rewards: Rewards, fault: str) -> None:
    """square-mcp-server#31: a retried call minted a new key, and the card was charged twice."""
    await rewards.add_item(per_user_limit=None)
    user = rewards.citizen(3 * PRICE_MG)
    rewards.network.faults = {"spend": fault}
    first = (await rewards.order(user, client_request_id="cart-18")).json()
    for _ in range(3):
        retry = await rewards.order(user, client_request_id="cart-18")
        assert (retry.status_code, retry.json()["order_id"]) == (409, first["order_id"])
    rewards.network.faults = {}
    await rewards.work()
    (found,) = (await rewards.get("/me/orders", user, client_request_id="cart-18")).json()["items"]
    assert found["status"] == "confirmed"
    assert rewards.balance_mg(user) == 2 * PRICE_MG


async def test_c9_the_sentence_says_what_happened_and_what_to_do(rewards: Rewards) -> None:
    """bitpay/wallet#5837: "Error creating invoice: Account is suspended", and nobody to ask."""
    await rewards.add_item()
    user = rewards.citizen()
    rewards.ledger.frozen.add(person_account_id(user))
    for language, words in (("zh", ("已冻结", "没有扣除", "请联系")), ("en", ("frozen", "No grams were taken", "Ask"))):
        problem = (await rewards.order(user, language=language)).json()
        told = f"{problem['title']} {problem['detail']}"
        assert all(word in told for word in words), told


async def test_c10_a_cancellation_beside_the_worker_restocks_once(rewards: Rewards) -> None:
    """woocommerce#22489: cancelling restocked the item twice."""
    await rewards.add_item(stock=3)
    for _ in range(6):
        user = rewards.citizen()
        order = (await rewards.order(user, client_request_id=str(uuid.uuid4()))).json()
        rewards.network.faults = {"refund": RESPONSE_LOST}
        assert (await rewards.cancel(user, order["order_id"])).status_code == 202
        rewards.network.faults = {}
        await rewards.sql("UPDATE rewards.orders SET next_attempt_at = clock_timestamp() WHERE status = 'returning'")
        await asyncio.gather(
            rewards.engine.drive_due(),
            rewards.cancel(user, order["order_id"]),
            rewards.engine.drive("order", uuid.UUID(order["order_id"])),
        )
        assert rewards.balance_mg(user) == PRICE_MG
        assert await rewards.stock() == {"available": 3, "reserved": 0, "sold": 0}


async def test_c10_the_limit_per_person_is_free_after_a_cancellation(rewards: Rewards) -> None:
    """magento2#19545, litemall#163: a one-time coupon could not be used again after its order was cancelled."""
    await rewards.add_item(per_user_limit=1)
    user = rewards.citizen()
    for _ in range(3):
        order = (await rewards.order(user)).json()
        assert (await rewards.order(user)).json()["code"] == "LIMIT_REACHED"
        assert (await rewards.cancel(user, order["order_id"])).status_code == 200
    assert (await rewards.order(user)).status_code == 201


async def test_c10_a_released_voucher_does_not_work_for_its_former_owner(rewards: Rewards) -> None:
    """registrasion#1: a voucher released by a refund was applied once more."""
    await rewards.add_item(stock=1)
    alice, bob = rewards.citizen(), rewards.citizen()
    order = (await rewards.order(alice)).json()
    voucher = f"/me/vouchers/{order['vouchers'][0]['voucher_id']}"
    seen = (await rewards.get(voucher, alice)).json()["code"]
    await rewards.cancel(alice, order["order_id"])
    theirs = (await rewards.order(bob)).json()
    assert (await rewards.get(voucher, alice)).status_code == 404
    shown = await rewards.get(f"/me/vouchers/{theirs['vouchers'][0]['voucher_id']}", bob)
    assert shown.json()["code"] != seen


async def test_c17_attempts_are_not_in_the_list_of_pending_orders(rewards: Rewards) -> None:
    """woocommerce-payments#8353, easy-digital-downloads#972: refused and abandoned attempts filled the lists."""
    await rewards.add_item(stock=1)
    user = rewards.citizen(0)
    await rewards.order(user)
    rewards.ledger.balances[person_account_id(user)] = PRICE_MG
    rewards.network.faults = {"spend": REQUEST_LOST}
    given_up = (await rewards.order(user)).json()
    listed = (await rewards.get("/me/orders", user, status="pending")).json()["items"]
    assert [one["order_id"] for one in listed] == [given_up["order_id"]]
    rewards.network.faults = {}
    await rewards.work(90)
    for status in (None, "pending", "cancelled", "confirmed"):
        params = {} if status is None else {"status": status}
        assert (await rewards.get("/me/orders", user, **params)).json()["items"] == [], status
    known = (await rewards.get(f"/orders/{given_up['order_id']}", user)).json()
    assert (known["status"], known["reason_code"]) == ("cancelled", "SETTLEMENT_TIMED_OUT")
