"""Orders over HTTP: vouchers, refusals, repeats."""

import asyncio
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from shared import clock
from shared.contracts.identity import person_account_id
from shared.contracts.rewards_v1 import OrderConfirmed, RewardEvent
from tests.cloud_events import read_event
from tests.rewards.conftest import API, COST_FEN, PRICE_MG, Rewards


async def test_an_order_spends_grams_and_gives_a_voucher(rewards: Rewards) -> None:
    await rewards.add_item(stock=3, codes=["AAAA-1111", "BBBB-2222", "CCCC-3333"])
    user = rewards.citizen(PRICE_MG + 7)
    answer = await rewards.order(user)
    assert answer.status_code == 201, answer.text
    order = answer.json()
    assert order["status"] == "confirmed"
    assert order["item"] == {"item_id": "reganmian", "title": "一碗热干面"}
    assert (order["quantity"], order["price_mg"], order["amount_mg"]) == (1, PRICE_MG, PRICE_MG)
    assert order["display"] == "5.00 千克"
    assert "code" not in answer.text.replace("reason_code", "")
    assert rewards.balance_mg(user) == 7
    assert rewards.ledger.accounts == {"redeemed:guozao": PRICE_MG}
    assert await rewards.stock() == {"available": 2, "reserved": 0, "sold": 1}

    (listed,) = (await rewards.get("/me/orders", user)).json()["items"]
    assert listed == order == (await rewards.get(f"/orders/{order['order_id']}", user)).json()

    shown = await rewards.get(f"/me/vouchers/{order['vouchers'][0]['voucher_id']}", user)
    assert shown.status_code == 200
    assert shown.headers["cache-control"] == "no-store"
    voucher = shown.json()
    assert voucher["code"] in {"AAAA-1111", "BBBB-2222", "CCCC-3333"}
    assert voucher["order_id"] == order["order_id"]
    assert voucher["qr_svg"].startswith("<svg")


async def test_an_order_of_several_pieces_gets_several_codes(rewards: Rewards) -> None:
    await rewards.add_item(stock=4, per_user_limit=3)
    user = rewards.citizen(3 * PRICE_MG)
    order = (await rewards.order(user, quantity=3)).json()
    assert order["amount_mg"] == 3 * PRICE_MG
    codes = {
        (await rewards.get(f"/me/vouchers/{given['voucher_id']}", user)).json()["code"] for given in order["vouchers"]
    }
    assert len(codes) == 3


async def test_a_confirmed_order_is_published_without_a_name(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen()
    order = (await rewards.order(user)).json()
    (row,) = await rewards.sql("SELECT topic, records FROM rewards.outbox")
    ((key, value, headers),) = msgspec.msgpack.decode(row["records"])
    assert read_event(row["topic"], key, value, headers).get_type() == "cn.carboninclusion.order.confirmed.v1"
    event = msgspec.json.decode(value, type=RewardEvent)
    assert isinstance(event, OrderConfirmed)
    assert row["topic"] == "rewards.events.v1"
    assert key.decode() == str(event.account_id) == str(person_account_id(user))
    assert (str(event.order_id), event.item_id, event.quantity) == (order["order_id"], "reganmian", 1)
    assert (event.amount_mg, event.cost_fen, event.captured_to) == (PRICE_MG, COST_FEN, "redeemed:guozao")
    assert str(user).encode() not in value


async def refused(rewards: Rewards, user: uuid.UUID, code: str, **order: Any) -> dict[str, Any]:
    """Order twice with one key: both answers are the same refusal, and no grams or pieces are taken."""
    before = rewards.balance_mg(user)
    key = str(uuid.uuid4())
    first = await rewards.order(user, key=key, **order)
    again = await rewards.order(user, key=key, **order)
    assert (first.status_code, first.json()["code"]) == (409, code), first.text
    assert first.headers["content-type"] == "application/problem+json"
    assert first.json()["retryable"] is False
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert again.headers["content-type"] == "application/problem+json"
    assert rewards.balance_mg(user) == before
    assert (await rewards.stock())["reserved"] == 0
    document: dict[str, Any] = first.json()
    return document


async def test_an_order_without_enough_grams_is_refused(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen(PRICE_MG - 1)
    problem = await refused(rewards, user, "INSUFFICIENT_BALANCE")
    assert problem["detail"] == "这次需要 5.00 千克，您的可用减碳量不够，没有扣除。攒够了再来。"
    english = await rewards.order(user, language="en")
    assert english.json()["title"] == "Not enough grams"


async def test_a_frozen_account_cannot_order(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen()
    rewards.ledger.frozen.add(person_account_id(user))
    problem = await refused(rewards, user, "ACCOUNT_FROZEN")
    assert "12345" in problem["detail"]


async def test_an_order_above_the_stock_is_refused(rewards: Rewards) -> None:
    await rewards.add_item(stock=1)
    assert (await rewards.order(rewards.citizen())).status_code == 201
    await refused(rewards, rewards.citizen(), "SOLD_OUT")
    assert rewards.ledger.asked["spend"] == 1


async def test_the_limit_per_person_does_not_count_cancelled_orders(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=1)
    user = rewards.citizen(0)
    assert (await rewards.order(user)).json()["code"] == "INSUFFICIENT_BALANCE"
    rewards.ledger.balances[person_account_id(user)] = 2 * PRICE_MG
    assert (await rewards.order(user)).status_code == 201
    await refused(rewards, user, "LIMIT_REACHED")
    await refused(rewards, rewards.citizen(2 * PRICE_MG), "LIMIT_REACHED", quantity=2)


async def test_an_item_without_a_limit_can_be_ordered_repeatedly(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=None)
    user = rewards.citizen(3 * PRICE_MG)
    assert [(await rewards.order(user)).status_code for _ in range(3)] == [201] * 3


async def test_an_order_above_the_budget_is_refused(rewards: Rewards) -> None:
    await rewards.add_item(limit_fen=2 * COST_FEN - 1)
    assert (await rewards.order(rewards.citizen())).status_code == 201
    await refused(rewards, rewards.citizen(), "BUDGET_EXHAUSTED")


@pytest.mark.parametrize(
    "window",
    [
        {"sale_starts_at": clock.now() + timedelta(hours=1)},
        {"sale_ends_at": clock.now() - timedelta(hours=1)},
    ],
)
async def test_an_order_outside_the_sale_window_is_refused(rewards: Rewards, window: dict[str, Any]) -> None:
    await rewards.add_item(**window)
    await refused(rewards, rewards.citizen(), "SALE_CLOSED")
    item = (await rewards.get("/items/reganmian")).json()
    assert item["sale_window"]["open"] is False


async def test_malformed_orders_are_refused(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen()
    assert (await rewards.order(user, "no-such-item")).json()["code"] == "ITEM_NOT_FOUND"
    for change in (
        {"quantity": 0},
        {"quantity": 11},
        {"quantity": True},
        {"item_id": "a\x00b"},
        {"client_request_id": "with space"},
        {"user_id": str(uuid.uuid4())},
        {"status": "confirmed"},
    ):
        answer = await rewards.client.post(
            f"{API}/orders",
            json={"item_id": "reganmian", "quantity": 1, "client_request_id": "x", **change},
            headers={**rewards.tokens.citizen(user), "Idempotency-Key": str(uuid.uuid4())},
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST"), change
    body = {"item_id": "reganmian", "quantity": 1, "client_request_id": "x"}
    unnamed = await rewards.client.post(f"{API}/orders", json=body, headers=rewards.tokens.citizen(user))
    assert (unnamed.status_code, unnamed.json()["code"]) == (400, "IDEMPOTENCY_KEY_MISSING")
    stranger = await rewards.client.post(f"{API}/orders", json=body, headers={"Idempotency-Key": "x" * 10})
    assert stranger.status_code == 401
    assert not rewards.ledger.holds


async def test_fifty_concurrent_requests_with_one_key_make_one_order(rewards: Rewards) -> None:
    await rewards.add_item(stock=5, per_user_limit=None)
    user = rewards.citizen(50 * PRICE_MG)
    key = str(uuid.uuid4())

    async def until_final() -> Any:
        while True:
            answer = await rewards.order(user, key=key)
            if answer.status_code != 409:
                return answer
            assert answer.json()["code"] == "IDEMPOTENCY_KEY_IN_PROGRESS"
            assert answer.headers["retry-after"] == "1"
            await asyncio.sleep(0.05)

    answers = await asyncio.gather(*(until_final() for _ in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert Counter(answer.headers.get("idempotent-replayed") for answer in answers) == {None: 1, "true": 49}
    assert rewards.balance_mg(user) == 49 * PRICE_MG
    assert await rewards.stock() == {"available": 4, "reserved": 0, "sold": 1}


async def test_sixty_concurrent_orders_for_twenty_pieces_sell_exactly_twenty(rewards: Rewards) -> None:
    await rewards.add_item(stock=20)
    users = [rewards.citizen() for _ in range(60)]
    answers = await asyncio.gather(*(rewards.order(user) for user in users))
    codes = Counter(answer.json().get("code", answer.json()["status"]) for answer in answers)
    assert codes == {"confirmed": 20, "SOLD_OUT": 40}
    given = {answer.json()["vouchers"][0]["voucher_id"] for answer in answers if answer.status_code == 201}
    assert len(given) == 20
    assert await rewards.stock() == {"available": 0, "reserved": 0, "sold": 20}
    assert rewards.ledger.accounts["redeemed:guozao"] == 20 * PRICE_MG


async def test_concurrent_orders_of_one_person_keep_to_the_limit(rewards: Rewards) -> None:
    await rewards.add_item(stock=20, per_user_limit=2)
    user = rewards.citizen(20 * PRICE_MG)
    answers = await asyncio.gather(*(rewards.order(user) for _ in range(12)))
    assert Counter(answer.status_code for answer in answers) == {201: 2, 409: 10}
    assert rewards.balance_mg(user) == 18 * PRICE_MG


async def test_an_idempotency_key_belongs_to_one_request_of_one_person(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=5)
    one, other = rewards.citizen(5 * PRICE_MG), rewards.citizen(5 * PRICE_MG)
    first = await rewards.order(one, key="a-shared-key", client_request_id="r1")
    reused = await rewards.order(one, key="a-shared-key", quantity=2, client_request_id="r1")
    assert (reused.status_code, reused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    second = await rewards.order(other, key="a-shared-key", client_request_id="r1")
    assert second.status_code == 201
    assert "idempotent-replayed" not in second.headers
    assert second.json()["order_id"] != first.json()["order_id"]


async def test_a_client_request_id_makes_one_order_for_ever(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=5)
    user = rewards.citizen(5 * PRICE_MG)
    first = await rewards.order(user, key="key-number-one", client_request_id="r1")
    other_key = await rewards.order(user, key="key-number-two", client_request_id="r1")
    assert (other_key.status_code, other_key.json()["code"]) == (409, "CLIENT_REQUEST_ID_USED")
    assert other_key.json()["order_id"] == first.json()["order_id"]

    await rewards.sql("DELETE FROM rewards.idempotency_key")
    after_purge = await rewards.order(user, key="key-number-one", client_request_id="r1")
    assert after_purge.status_code == 201
    assert after_purge.headers["idempotent-replayed"] == "true"
    assert after_purge.json() == first.json()

    await rewards.sql("DELETE FROM rewards.idempotency_key")
    changed = await rewards.order(user, key="key-number-one", quantity=2, client_request_id="r1")
    assert (changed.status_code, changed.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert rewards.balance_mg(user) == 4 * PRICE_MG


async def test_orders_and_vouchers_of_another_person_are_not_found(rewards: Rewards) -> None:
    await rewards.add_item()
    owner, other = rewards.citizen(), rewards.citizen()
    order = (await rewards.order(owner)).json()
    voucher_id = order["vouchers"][0]["voucher_id"]
    for path in (f"/orders/{order['order_id']}", f"/me/vouchers/{voucher_id}"):
        mine, absent = (
            await rewards.get(path, owner),
            await rewards.get(path.rsplit("/", 1)[0] + f"/{uuid.uuid4()}", owner),
        )
        theirs, nobodys = await rewards.get(path, other), await rewards.get(path)
        assert [a.status_code for a in (mine, absent, theirs, nobodys)] == [200, 404, 404, 401]
        assert theirs.json()["code"] == absent.json()["code"]
    assert (await rewards.cancel(other, order["order_id"])).status_code == 404
    assert (await rewards.get("/me/orders", other)).json()["items"] == []


async def test_own_orders_are_listed_newest_first_in_pages(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=None)
    user = rewards.citizen(5 * PRICE_MG)
    made = [(await rewards.order(user)).json()["order_id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = (await rewards.get("/me/orders", user, limit=2, **({"cursor": cursor} if cursor else {}))).json()
        seen += [order["order_id"] for order in page["items"]]
        cursor = page["next_cursor"]
        assert page["has_more"] is (cursor is not None)
        if cursor is None:
            break
    assert seen == made[::-1]
    assert (await rewards.get("/me/orders", user, cursor="WyIAIl0")).status_code == 422
