"""The border of orders: a crowd, lost answers, refusals that leave nothing behind, vouchers given back."""

import asyncio
import uuid
from collections import Counter
from typing import Any

import httpx
import msgspec
import pytest

from services.rewards.orders.settling import ORDER
from services.rewards.settlement.desk import Desk
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.sealing import CodeSealer
from shared.batching import Bounds
from shared.contracts.identity import person_account_id
from shared.contracts.rewards_v1 import OrderCancelled, RewardEvent
from tests.rewards.conftest import API, PRICE_MG, Rewards
from tests.rewards.fake_accounting import REQUEST_LOST, RESPONSE_LOST, UNAVAILABLE


async def ordered_by(
    rewards: Rewards, users: list[uuid.UUID], at_once: int, item_id: str = "reganmian"
) -> Counter[str]:
    """One order of each user, `at_once` at a time. Return the answers by status and code."""
    waiting, answers = iter(users), Counter[str]()

    async def one_after_another() -> None:
        for user in waiting:
            answer = await rewards.order(user, item_id)
            answers[f"{answer.status_code} {answer.json().get('code', answer.json().get('status'))}"] += 1

    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return answers


async def test_c1_a_crowd_gets_every_piece_and_one_stable_refusal(rewards: Rewards) -> None:
    await rewards.add_item(stock=50)
    users = [rewards.citizen() for _ in range(500)]
    assert await ordered_by(rewards, users, 64) == {"201 confirmed": 50, "409 SOLD_OUT": 450}
    assert await rewards.stock() == {"available": 0, "reserved": 0, "sold": 50}
    assert rewards.ledger.accounts["redeemed:guozao"] == 50 * PRICE_MG


async def test_c1_a_refusal_in_front_of_an_empty_shelf_locks_nothing(rewards: Rewards) -> None:
    """The stock is locked by an operator who loads codes. Refusals do not wait for it."""
    await rewards.add_item(stock=0)
    async with rewards.database.transaction() as session:
        await vouchers.load_codes(
            session, sealer=CodeSealer(rewards.settings.voucher_key_bytes), item_id="reganmian", codes=["NEW-1"]
        )
        async with asyncio.timeout(3):
            answers = await ordered_by(rewards, [rewards.citizen() for _ in range(40)], 40)
    assert answers == {"409 SOLD_OUT": 40}


async def test_c1_orders_of_several_items_and_limits_in_one_crowd(rewards: Rewards) -> None:
    """Mixed batches: two items of one sponsor, a tight budget, people without grams."""
    await rewards.add_item(stock=10)
    await rewards.add_item("donghu-boat", stock=30, limit_fen=5_000)
    rich, poor = [rewards.citizen(2 * PRICE_MG) for _ in range(60)], [rewards.citizen(0) for _ in range(20)]
    both = await asyncio.gather(
        ordered_by(rewards, rich + poor, 20), ordered_by(rewards, poor + rich, 20, "donghu-boat")
    )
    noodles, boats = both
    assert noodles["201 confirmed"] == 10
    assert boats["201 confirmed"] == 5
    assert set(noodles) <= {"201 confirmed", "409 SOLD_OUT", "409 INSUFFICIENT_BALANCE"}
    assert set(boats) <= {"201 confirmed", "409 BUDGET_EXHAUSTED", "409 INSUFFICIENT_BALANCE"}


async def test_c1_a_full_queue_is_refused_before_work_begins(rewards: Rewards) -> None:
    await rewards.add_item(stock=50)
    bounds = Bounds(batch_max=2, batches_at_once=1, waiting_max=3, wait_max_s=30, waiting_per_owner_max=2)
    rewards.app.state.desks = {ORDER: Desk(rewards.engine, ORDER, bounds=bounds)}
    arrived, go_on = rewards.network.pause("spend")
    first = asyncio.create_task(rewards.order(rewards.citizen()))
    await arrived.wait()
    waiting = [asyncio.create_task(rewards.order(rewards.citizen())) for _ in range(3)]
    await asyncio.sleep(0.05)
    refused = await rewards.order(rewards.citizen())
    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_AT_ONCE")
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["retryable"] is True
    assert [row["count"] for row in await rewards.sql("SELECT count(*) FROM rewards.idempotency_key")] == [1]
    go_on.set()
    answers = [await first, *await asyncio.gather(*waiting)]
    assert {answer.status_code for answer in answers} == {201}


async def test_c1_nobody_takes_the_whole_queue(rewards: Rewards) -> None:
    await rewards.add_item(stock=50, per_user_limit=None)
    bounds = Bounds(batch_max=4, batches_at_once=1, waiting_max=100, wait_max_s=30, waiting_per_owner_max=5)
    rewards.app.state.desks = {ORDER: Desk(rewards.engine, ORDER, bounds=bounds)}
    arrived, go_on = rewards.network.pause("spend")
    greedy, other = rewards.citizen(50 * PRICE_MG), rewards.citizen()
    many = [asyncio.create_task(rewards.order(greedy)) for _ in range(20)]
    await arrived.wait()
    one = asyncio.create_task(rewards.order(other))
    await asyncio.sleep(0.05)
    go_on.set()
    assert (await one).status_code == 201
    statuses = Counter(answer.status_code for answer in await asyncio.gather(*many))
    assert set(statuses) == {201, 429}
    assert statuses[201] <= 7


async def test_c1_requests_that_waited_too_long_are_told_to_come_again(rewards: Rewards) -> None:
    await rewards.add_item(stock=50)
    bounds = Bounds(batch_max=4, batches_at_once=1, waiting_max=100, wait_max_s=0.05, waiting_per_owner_max=5)
    rewards.app.state.desks = {ORDER: Desk(rewards.engine, ORDER, bounds=bounds)}
    arrived, go_on = rewards.network.pause("spend")
    first = asyncio.create_task(rewards.order(rewards.citizen()))
    await arrived.wait()
    late = asyncio.create_task(rewards.order(rewards.citizen()))
    await asyncio.sleep(0.2)
    go_on.set()
    assert ((await first).status_code, (await late).status_code) == (201, 429)


async def test_c1_accounting_away_leaves_the_whole_batch_pending(rewards: Rewards) -> None:
    await rewards.add_item(stock=20)
    users = [rewards.citizen() for _ in range(12)]
    rewards.network.faults = {"spend": UNAVAILABLE}
    answers = await asyncio.gather(*(rewards.order(user) for user in users))
    assert Counter(answer.status_code for answer in answers) == {202: 12}
    rewards.network.faults = {}
    await rewards.work()
    assert await rewards.stock() == {"available": 8, "reserved": 0, "sold": 12}


async def test_c1_one_undeliverable_order_does_not_hold_up_its_neighbours(rewards: Rewards) -> None:
    await rewards.add_item(stock=4)
    await rewards.sql(
        "DELETE FROM rewards.voucher WHERE voucher_id = (SELECT max(voucher_id::text)::uuid FROM rewards.voucher)"
    )
    answers = await asyncio.gather(*(rewards.order(rewards.citizen()) for _ in range(4)))
    assert Counter(answer.status_code for answer in answers) == {201: 3, 202: 1}
    (item,) = await rewards.sql("SELECT item_id FROM rewards.item")
    await rewards.sql(
        "INSERT INTO rewards.voucher (voucher_id, item_id, code_hash, code_sealed)"
        " VALUES (gen_random_uuid(), $1, '\\x01', '\\x01')",
        item["item_id"],
    )
    await rewards.work()


async def test_c7_a_refusal_frees_the_client_request_id(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen(0)
    assert (await rewards.order(user, key="first-key-1", client_request_id="r1")).json()[
        "code"
    ] == "INSUFFICIENT_BALANCE"
    rewards.ledger.balances[person_account_id(user)] = PRICE_MG
    again = await rewards.order(user, key="other-key-2", client_request_id="r1")
    assert (again.status_code, again.json()["status"]) == (201, "confirmed")
    used = await rewards.order(user, key="third-key-3", client_request_id="r1")
    assert (used.json()["code"], used.json()["order_id"]) == ("CLIENT_REQUEST_ID_USED", again.json()["order_id"])
    first = await rewards.order(user, key="first-key-1", client_request_id="r1")
    assert (first.json()["code"], first.headers["idempotent-replayed"]) == ("INSUFFICIENT_BALANCE", "true")


@pytest.mark.parametrize("later_s", [20, 90])
async def test_c7_an_order_given_up_by_the_worker_frees_the_client_request_id(rewards: Rewards, later_s: int) -> None:
    await rewards.add_item()
    user = rewards.citizen(0)
    rewards.network.faults = {"spend": REQUEST_LOST}
    assert (await rewards.order(user, key="first-key-1", client_request_id="r1")).status_code == 202
    rewards.network.faults = {}
    await rewards.work(later_s)
    rewards.ledger.balances[person_account_id(user)] = PRICE_MG
    assert (await rewards.order(user, key="other-key-2", client_request_id="r1")).status_code == 201


async def test_c7_a_called_off_order_keeps_its_client_request_id(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen()
    order = (await rewards.order(user, client_request_id="r1")).json()
    assert (await rewards.cancel(user, order["order_id"])).status_code == 200
    again = await rewards.order(user, client_request_id="r1")
    assert (again.json()["code"], again.json()["order_id"]) == ("CLIENT_REQUEST_ID_USED", order["order_id"])


async def test_c8_another_request_under_the_key_of_a_pending_order_does_not_free_the_key(rewards: Rewards) -> None:
    await rewards.add_item()
    user, key = rewards.citizen(2 * PRICE_MG), str(uuid.uuid4())
    rewards.network.faults = {"spend": REQUEST_LOST}
    order = (await rewards.order(user, key=key, client_request_id="r1")).json()
    other = await rewards.order(user, key=key, client_request_id="r2")
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (await rewards.order(user, "no-such-item", key="key-of-no-item")).status_code == 404
    assert [row["key"] for row in await rewards.sql("SELECT key FROM rewards.idempotency_key")] == [key]
    rewards.network.faults = {}
    await rewards.work()
    final = await rewards.order(user, key=key, client_request_id="r1")
    assert (final.status_code, final.json()["order_id"]) == (201, order["order_id"])


async def test_c1_retries_and_new_orders_of_two_items_never_wait_for_each_other(rewards: Rewards) -> None:
    """Crowds of both items at once, with people without grams, retries under one key, and cancellations."""
    await rewards.add_item(stock=60)
    await rewards.add_item("donghu-boat", stock=60)
    users = [rewards.citizen(2 * PRICE_MG if number % 3 else 0) for number in range(45)]

    async def day(user: uuid.UUID, *items: str) -> list[int]:
        statuses = []
        for item_id in items:
            key = str(uuid.uuid4())
            answers = await asyncio.gather(*(rewards.order(user, item_id, key=key) for _ in range(2)))
            statuses += [answer.status_code for answer in answers]
            for answer in answers:
                if answer.status_code == 201 and user.int % 2:
                    statuses.append((await rewards.cancel(user, answer.json()["order_id"])).status_code)
        return statuses

    ways = [("reganmian", "donghu-boat"), ("donghu-boat", "reganmian")]
    days = await asyncio.gather(*(day(user, *ways[number % 2]) for number, user in enumerate(users)))
    assert {status for statuses in days for status in statuses} <= {200, 201, 202, 409}
    await rewards.work()


async def test_c8_a_repeat_of_a_pending_order_names_it(rewards: Rewards) -> None:
    await rewards.add_item()
    await rewards.add_campaign()
    user, key = rewards.citizen(2 * PRICE_MG), str(uuid.uuid4())
    rewards.network.faults = {"spend": RESPONSE_LOST}
    order = (await rewards.order(user, key=key, client_request_id="r1")).json()
    repeat = await rewards.order(user, key=key, client_request_id="r1")
    assert (repeat.status_code, repeat.json()["code"]) == (409, "IDEMPOTENCY_KEY_IN_PROGRESS")
    assert repeat.json()["order_id"] == order["order_id"]
    donation = (await rewards.donate(user, 5_000, key=key)).json()
    again = await rewards.donate(user, 5_000, key=key)
    assert again.json()["donation_id"] == donation["donation_id"]

    (found,) = (await rewards.get("/me/orders", user, client_request_id="r1")).json()["items"]
    assert (found["order_id"], found["status"]) == (order["order_id"], "pending")
    assert (await rewards.get("/me/orders", user, client_request_id="r2")).json()["items"] == []
    assert (await rewards.get("/me/orders", rewards.citizen(), client_request_id="r1")).json()["items"] == []
    rewards.network.faults = {}
    await rewards.work()
    assert [
        len((await rewards.get("/me/orders", user, status=s)).json()["items"]) for s in ("confirmed", "pending")
    ] == [1, 0]


async def test_c9_a_frozen_account_is_told_so_and_whom_to_ask(rewards: Rewards) -> None:
    await rewards.add_item()
    await rewards.add_campaign()
    user = rewards.citizen()
    rewards.ledger.frozen.add(person_account_id(user))
    for answer in (await rewards.order(user), await rewards.donate(user, 5_000)):
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["title"]) == (409, "ACCOUNT_FROZEN", "碳账户已冻结")
        assert "请联系政务服务便民热线 12345" in problem["detail"]


async def codes_of(rewards: Rewards) -> set[bytes]:
    return {
        row["code_hash"] for row in await rewards.sql("SELECT code_hash FROM rewards.voucher WHERE order_id IS NULL")
    }


async def test_c10_an_unused_voucher_comes_back_with_grams_stock_limit_and_budget(rewards: Rewards) -> None:
    await rewards.add_item(stock=1, limit_fen=1_000)
    pool = await codes_of(rewards)
    user, other = rewards.citizen(), rewards.citizen()
    order = (await rewards.order(user)).json()
    assert (await rewards.order(other)).json()["code"] == "SOLD_OUT"
    cancelled = await rewards.cancel(user, order["order_id"])
    assert (cancelled.status_code, cancelled.json()["status"], cancelled.json()["vouchers"]) == (200, "cancelled", [])
    assert rewards.balance_mg(user) == PRICE_MG
    assert await rewards.stock() == {"available": 1, "reserved": 0, "sold": 0}
    assert await codes_of(rewards) == pool
    assert (await rewards.get(f"/me/vouchers/{order['vouchers'][0]['voucher_id']}", user)).status_code == 404
    assert (await rewards.cancel(user, order["order_id"])).json() == cancelled.json()
    (listed,) = (await rewards.get("/me/orders", user)).json()["items"]
    assert (listed["status"], listed["reason_code"]) == ("cancelled", "CALLED_OFF")
    assert (await rewards.order(user)).status_code == 201, "limit, stock and budget are free again"
    events = [
        msgspec.msgpack.decode(row["records"])
        for row in await rewards.sql("SELECT records FROM rewards.outbox ORDER BY id")
    ]
    types = [type(msgspec.json.decode(record[1], type=RewardEvent)) for records in events for record in records]
    assert types.count(OrderCancelled) == 1


async def test_c10_a_code_that_was_seen_is_never_given_to_another_person(rewards: Rewards) -> None:
    await rewards.add_item(stock=1)
    user, other = rewards.citizen(), rewards.citizen()
    order = (await rewards.order(user)).json()
    seen = (await rewards.get(f"/me/vouchers/{order['vouchers'][0]['voucher_id']}", user)).json()["code"]
    assert (await rewards.cancel(user, order["order_id"])).status_code == 200
    next_order = (await rewards.order(other)).json()
    shown = (await rewards.get(f"/me/vouchers/{next_order['vouchers'][0]['voucher_id']}", other)).json()["code"]
    assert shown != seen


async def test_c10_a_partners_own_code_that_was_seen_cannot_be_given_back(rewards: Rewards) -> None:
    await rewards.add_item(stock=0, per_user_limit=None)
    async with rewards.database.transaction() as session:
        sealer = CodeSealer(rewards.settings.voucher_key_bytes)
        await vouchers.load_codes(session, sealer=sealer, item_id="reganmian", codes=["P-1", "P-2"], imported=True)
    user = rewards.citizen(2 * PRICE_MG)
    seen, unseen = (await rewards.order(user)).json(), (await rewards.order(user)).json()
    voucher = f"/me/vouchers/{seen['vouchers'][0]['voucher_id']}"
    assert (await rewards.get(voucher, user)).status_code == 200
    refused = await rewards.cancel(user, seen["order_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "VOUCHER_OPENED")
    assert (await rewards.get(voucher, user)).status_code == 200, "it stays valid"
    assert (await rewards.cancel(user, unseen["order_id"])).status_code == 200


@pytest.mark.parametrize("fault", [REQUEST_LOST, RESPONSE_LOST, UNAVAILABLE])
async def test_c10_a_return_whose_refund_gets_no_answer_is_finished_by_the_worker(rewards: Rewards, fault: str) -> None:
    await rewards.add_item(stock=2)
    user = rewards.citizen()
    order = (await rewards.order(user)).json()
    rewards.network.faults = {"refund": fault}
    waiting = await rewards.cancel(user, order["order_id"])
    assert (waiting.status_code, waiting.json()["status"]) == (202, "cancelling")
    assert (await rewards.get(f"/me/vouchers/{order['vouchers'][0]['voucher_id']}", user)).status_code == 404
    assert (await rewards.stock_check())["ok"]
    rewards.network.faults = {}
    await rewards.sql("UPDATE rewards.orders SET next_attempt_at = clock_timestamp()")
    await rewards.engine.drive_due()
    assert (await rewards.get(f"/orders/{order['order_id']}", user)).json()["status"] == "cancelled"
    assert rewards.balance_mg(user) == PRICE_MG
    assert await rewards.stock() == {"available": 2, "reserved": 0, "sold": 0}


async def test_c10_ten_cancellations_at_once_give_back_once(rewards: Rewards) -> None:
    await rewards.add_item(stock=3)
    user = rewards.citizen()
    order = (await rewards.order(user)).json()
    answers = await asyncio.gather(*(rewards.cancel(user, order["order_id"]) for _ in range(10)))
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert rewards.balance_mg(user) == PRICE_MG
    assert await rewards.stock() == {"available": 3, "reserved": 0, "sold": 0}


async def test_c12_items_are_found_by_words(rewards: Rewards) -> None:
    await rewards.add_item()

    async def found(**params: Any) -> list[str]:
        answer: httpx.Response = await rewards.get("/items", **params)
        assert answer.status_code == 200, answer.text
        return [item["item_id"] for item in answer.json()["items"]]

    for words in ("热干面", "干面", "NOODLES", "hot dry", "热干面 bowl", "food", ""):
        assert await found(q=words) == ["reganmian"], words
    for words in ("牛肉面", "热干面 牛肉", "%", "_", "\\"):
        assert await found(q=words) == [], words
    assert await found(q="热干面", category="travel") == []


@pytest.mark.parametrize("path", ["/items?colour=red", "/me/orders?state=confirmed", "/campaigns?q=a", "/items?Q=a"])
async def test_c12_an_unknown_query_parameter_is_refused_by_name(rewards: Rewards, path: str) -> None:
    answer = await rewards.client.get(API + path, headers=rewards.tokens.citizen(rewards.citizen()))
    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST")
    (error,) = answer.json()["errors"]
    assert error["field"] == f"query.{path.partition('?')[2].partition('=')[0]}"
    assert error["code"] == "UNKNOWN_PARAMETER"


async def test_c12_an_unknown_query_parameter_of_a_write_is_refused_before_it_writes(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen()
    answer = await rewards.client.post(
        f"{API}/orders?dry_run=true",
        json={"item_id": "reganmian", "quantity": 1, "client_request_id": "r1"},
        headers={**rewards.tokens.citizen(user), "Idempotency-Key": "key-of-an-order"},
    )
    assert answer.status_code == 422
    assert rewards.balance_mg(user) == PRICE_MG


async def test_c17_refusals_are_not_orders(rewards: Rewards) -> None:
    await rewards.add_item(stock=1)
    await rewards.add_campaign()
    user = rewards.citizen(0)
    for _ in range(5):
        assert (await rewards.order(user)).status_code == 409
        assert (await rewards.donate(user, 5_000)).status_code == 409
    assert (await rewards.get("/me/orders", user)).json()["items"] == []
    assert (await rewards.get("/me/orders", user, status="cancelled")).json()["items"] == []
    assert (await rewards.get("/me/donations", user)).json()["items"] == []
    rewards.ledger.balances[person_account_id(user)] = PRICE_MG
    order = (await rewards.order(user)).json()
    assert [one["order_id"] for one in (await rewards.get("/me/orders", user)).json()["items"]] == [order["order_id"]]
