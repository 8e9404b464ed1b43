"""The operators' mall: drafts, publication by two, changes, withdrawal, stock, categories."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.rewards.conftest import COST_FEN, PRICE_MG, Rewards
from tests.rewards.operators import CONTENT, WHY, Operators
from tests.rewards.test_pictures import PNG, upload
from tests.rewards.tills import add_merchant, add_shop


@pytest.fixture
async def operators(rewards: Rewards) -> Operators:
    found = Operators(rewards)
    await found.prepare()
    return found


async def test_an_item_goes_from_draft_to_a_citizens_voucher(rewards: Rewards, operators: Operators) -> None:
    picture = (await upload(rewards, PNG)).json()
    await add_merchant(rewards)
    for shop_id in ("shop-a", "shop-b"):
        await add_shop(rewards, shop_id)
    content = {
        **CONTENT,
        "item_id": "noodles",
        "description_zh": "凭券一碗。",
        "pictures": [picture["sha256"]],
        "value_fen": 1_200,
        "per_user_limit": 3,
        "per_day": 1,
        "promotion": "spring",
        "per_promotion": 2,
        "shops": ["shop-b", "shop-a"],
        "sale_starts_at": "2026-01-01T00:00:00+08:00",
        "sale_ends_at": "2099-01-01T00:00:00+08:00",
    }
    draft = await operators.did(201, "POST", "/items", content)
    assert (draft["status"], draft["stock"], draft["published_at"]) == ("draft", 0, None)
    assert (await rewards.get("/items/noodles")).json()["code"] == "ITEM_NOT_FOUND"
    assert (await rewards.get("/items")).json()["items"] == []
    user = rewards.citizen()
    assert (await rewards.order(user, "noodles")).json()["code"] == "ITEM_NOT_FOUND"
    await operators.by_two("/items/noodles/publish")
    await operators.did(200, "POST", "/items/noodles/stock", {"pieces": 20, **WHY})
    shown = (await rewards.get("/items/noodles")).json()
    assert shown["images"] == [picture["path"]]
    assert (shown["stock"], shown["value_fen"], shown["shops"]) == (20, 1_200, ["shop-a", "shop-b"])
    assert shown["limits"] == {"per_day": 1, "per_month": None, "promotion": "spring", "per_promotion": 2}
    assert (await rewards.order(user, "noodles")).status_code == 201
    assert await operators.audited("noodles") == [
        ("item.draft", "ann"),
        ("item.publish.propose", "ann"),
        ("item.publish.approve", "bob"),
        ("item.stock", "ann"),
    ]


async def test_nobody_publishes_alone(operators: Operators) -> None:
    await operators.did(201, "POST", "/items", {**CONTENT, "item_id": "noodles"})
    proposal_id = await operators.propose("/items/noodles/publish")
    for same in ("ann", "ANN"):
        await operators.refused("SECOND_PERSON_NEEDED", "POST", f"/proposals/{proposal_id}/approve", WHY, by=same)
    await operators.refused("PROPOSAL_OPEN", "POST", "/items/noodles/publish", WHY, by="bob")
    await operators.did(200, "POST", f"/proposals/{proposal_id}/reject", WHY, by="bob")
    assert (await operators.did(200, "GET", "/items/noodles"))["status"] == "draft"


async def test_a_draft_changed_after_the_proposal_is_not_published(operators: Operators) -> None:
    """A liar shows a cheap item to the approver and makes it dear, or the other way round."""
    await operators.did(201, "POST", "/items", {**CONTENT, "item_id": "noodles"})
    proposal_id = await operators.propose("/items/noodles/publish")
    await operators.did(200, "PUT", "/items/noodles", {**CONTENT, "price_mg": 1})
    await operators.refused("ITEM_CHANGED", "POST", f"/proposals/{proposal_id}/approve", WHY, by="bob")
    assert (await operators.did(200, "GET", "/items/noodles"))["status"] == "draft"


async def test_an_edit_races_with_the_approval_and_never_slips_in(rewards: Rewards, operators: Operators) -> None:
    for number in range(12):
        item_id = f"noodles-{number}"
        await operators.did(201, "POST", "/items", {**CONTENT, "item_id": item_id})
        proposal_id = await operators.propose(f"/items/{item_id}/publish")
        edited, approved = await asyncio.gather(
            operators.call("PUT", f"/items/{item_id}", {**CONTENT, "price_mg": 1}),
            operators.call("POST", f"/proposals/{proposal_id}/approve", WHY, by="bob"),
        )
        after = await operators.did(200, "GET", f"/items/{item_id}")
        if approved.status_code == 200:
            assert (edited.json()["code"], after["price_mg"]) == ("ITEM_NOT_A_DRAFT", PRICE_MG)
        else:
            assert (approved.json()["code"], after["status"], after["price_mg"]) == ("ITEM_CHANGED", "draft", 1)


async def test_a_new_price_is_for_later_orders_only(rewards: Rewards, operators: Operators) -> None:
    await operators.publish(per_user_limit=None)
    user = rewards.citizen(10 * PRICE_MG)
    before = (await rewards.order(user)).json()
    dearer = {**CONTENT, "price_mg": 2 * PRICE_MG, "price_fen": 3 * COST_FEN}
    await operators.refused("ITEM_NOT_A_DRAFT", "PUT", "/items/reganmian", dearer)
    proposal_id = await operators.propose("/items/reganmian/changes", dearer)
    assert (await rewards.get("/items/reganmian")).json()["price_mg"] == PRICE_MG
    await operators.approve(proposal_id)
    after = (await rewards.order(user)).json()
    assert (before["price_mg"], after["price_mg"]) == (PRICE_MG, 2 * PRICE_MG)
    again = (await rewards.get(f"/orders/{before['order_id']}", user)).json()
    assert (again["price_mg"], again["amount_mg"]) == (PRICE_MG, PRICE_MG)
    costs = await rewards.sql("SELECT cost_fen FROM rewards.orders ORDER BY order_id")
    assert [row["cost_fen"] for row in costs] == [COST_FEN, 3 * COST_FEN]
    # Each comes back at its own price.
    for order in (before, after):
        assert (await rewards.cancel(user, order["order_id"])).json()["status"] == "cancelled"
    assert rewards.balance_mg(user) == 10 * PRICE_MG


async def test_orders_race_with_a_change_of_the_price_and_each_has_one_price(
    rewards: Rewards, operators: Operators
) -> None:
    await operators.publish(stock=40)
    proposal_id = await operators.propose(
        "/items/reganmian/changes", {**CONTENT, "price_mg": 2 * PRICE_MG, "price_fen": 2 * COST_FEN}
    )
    users = [rewards.citizen(2 * PRICE_MG) for _ in range(32)]
    answers = await asyncio.gather(
        *(rewards.order(user) for user in users[:16]),
        operators.call("POST", f"/proposals/{proposal_id}/approve", WHY, by="bob"),
        *(rewards.order(user) for user in users[16:]),
    )
    assert Counter(answer.status_code for answer in answers) == {201: 32, 200: 1}
    pairs = await rewards.sql("SELECT DISTINCT price_mg, cost_fen FROM rewards.orders")
    assert {(row[0], row[1]) for row in pairs} <= {(PRICE_MG, COST_FEN), (2 * PRICE_MG, 2 * COST_FEN)}


async def test_a_change_of_nothing_is_refused_and_a_change_of_a_draft_as_well(operators: Operators) -> None:
    await operators.publish()
    await operators.refused("NOTHING_CHANGED", "POST", "/items/reganmian/changes", CONTENT)
    await operators.did(201, "POST", "/items", {**CONTENT, "item_id": "tea"})
    await operators.refused("ITEM_NOT_PUBLISHED", "POST", "/items/tea/changes", {**CONTENT, "price_mg": 1})


async def test_one_person_withdraws_an_item_and_two_publish_it_again(rewards: Rewards, operators: Operators) -> None:
    await operators.publish(per_user_limit=None)
    user = rewards.citizen(9 * PRICE_MG)
    order = (await rewards.order(user)).json()
    await operators.did(200, "POST", "/items/reganmian/withdraw", WHY)
    assert (await rewards.order(user)).json()["code"] == "SALE_CLOSED"
    assert (await rewards.get("/items")).json()["items"] == []
    assert (await rewards.get("/items/reganmian")).json()["sale_window"]["open"] is False
    voucher = order["vouchers"][0]["voucher_id"]
    assert (await rewards.get(f"/me/vouchers/{voucher}", user)).status_code == 200
    await operators.refused("ITEM_NOT_PUBLISHED", "POST", "/items/reganmian/withdraw", WHY)
    await operators.did(200, "PUT", "/items/reganmian", {**CONTENT, "price_mg": 7})
    await operators.by_two("/items/reganmian/publish")
    assert (await rewards.order(user)).json()["price_mg"] == 7


async def test_a_withdrawal_voids_an_open_change(operators: Operators) -> None:
    await operators.publish()
    proposal_id = await operators.propose("/items/reganmian/changes", {**CONTENT, "price_mg": 1})
    await operators.did(200, "POST", "/items/reganmian/withdraw", WHY)
    await operators.refused("ITEM_NOT_PUBLISHED", "POST", f"/proposals/{proposal_id}/approve", WHY, by="bob")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"category": "nowhere"}, "CATEGORY_NOT_FOUND"),
        ({"budget_id": "nobody"}, "BUDGET_NOT_FOUND"),
        ({"pictures": ["0" * 64]}, "PICTURE_NOT_FOUND"),
        ({"promotion": "spring"}, "INVALID_REQUEST"),
        ({"per_promotion": 3}, "INVALID_REQUEST"),
        ({"price_mg": 0}, "INVALID_REQUEST"),
        ({"price_mg": 1.0}, "INVALID_REQUEST"),
        ({"price_mg": 10**12 + 1}, "INVALID_REQUEST"),
        ({"price_fen": -1}, "INVALID_REQUEST"),
        ({"per_day": 0}, "INVALID_REQUEST"),
        ({"title_zh": "  "}, "INVALID_REQUEST"),
        ({"title_zh": "面\u0000"}, "INVALID_REQUEST"),
        ({"title_zh": "面" * 61}, "INVALID_REQUEST"),
        ({"shops": ["Shop A"]}, "INVALID_REQUEST"),
        ({"shops": [f"shop-{number}" for number in range(201)]}, "INVALID_REQUEST"),
        ({"pictures": [f"{number:064x}" for number in range(9)]}, "INVALID_REQUEST"),
        ({"sale_starts_at": "2026-01-02T00:00:00Z", "sale_ends_at": "2026-01-01T00:00:00Z"}, "INVALID_REQUEST"),
        ({"sale_ends_at": "2026-01-01T00:00:00"}, "INVALID_REQUEST"),
        ({"sale_ends_at": "9999-12-31T23:59:59Z"}, "INVALID_REQUEST"),
        ({"reason": ""}, "INVALID_REQUEST"),
        ({"status": "published"}, "INVALID_REQUEST"),
        ({"item_id": "../x"}, "INVALID_REQUEST"),
    ],
    ids=str,
)
async def test_a_draft_with_a_fault_is_refused(operators: Operators, change: dict[str, Any], code: str) -> None:
    await operators.refused(code, "POST", "/items", {**CONTENT, "item_id": "noodles", **change})
    assert (await operators.did(200, "GET", "/items"))["items"] == []


async def test_one_id_is_one_item(operators: Operators) -> None:
    answers = await asyncio.gather(
        *(operators.call("POST", "/items", {**CONTENT, "item_id": "noodles"}) for _ in range(8))
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 7}
    assert await operators.audited("noodles") == [("item.draft", "ann")]


async def test_the_list_of_operators_has_every_status_and_pages(operators: Operators) -> None:
    await operators.publish("a")
    await operators.did(201, "POST", "/items", {**CONTENT, "item_id": "b"})
    await operators.publish("c")
    await operators.did(200, "POST", "/items/c/withdraw", WHY)
    first = await operators.did(200, "GET", "/items?limit=2")
    second = await operators.did(200, "GET", f"/items?limit=2&cursor={first['next_cursor']}")
    assert [one["status"] for one in first["items"] + second["items"]] == ["published", "draft", "withdrawn"]
    drafts = await operators.did(200, "GET", "/items?status=draft&budget_id=noodles-2027")
    assert [one["item_id"] for one in drafts["items"]] == ["b"]


# --- stock ------------------------------------------------------------------------------------------------------------


async def test_stock_is_lowered_down_to_what_nobody_has_ordered(rewards: Rewards, operators: Operators) -> None:
    await operators.publish(stock=5)
    await rewards.order(rewards.citizen())
    await operators.refused("STOCK_TOO_LOW", "POST", "/items/reganmian/stock", {"pieces": -5, **WHY})
    lowered = await operators.did(200, "POST", "/items/reganmian/stock", {"pieces": -4, **WHY})
    assert (lowered["stock"], lowered["sold"]) == (0, 1)
    assert (await rewards.order(rewards.citizen())).json()["code"] == "SOLD_OUT"
    (entry,) = await rewards.sql(
        "SELECT before->>'loaded' AS before, after->>'loaded' AS after FROM rewards.audit_log"
        " WHERE action = 'item.stock' ORDER BY entry_id DESC LIMIT 1"
    )
    assert (entry["before"], entry["after"]) == ("5", "1")


async def test_lowering_races_with_orders_and_no_piece_is_sold_twice_or_lost(
    rewards: Rewards, operators: Operators
) -> None:
    await operators.publish(stock=20)
    answers = await asyncio.gather(
        *(rewards.order(rewards.citizen()) for _ in range(16)),
        *(operators.call("POST", "/items/reganmian/stock", {"pieces": -3, **WHY}) for _ in range(4)),
        *(rewards.order(rewards.citizen()) for _ in range(16)),
        *(operators.call("POST", "/items/reganmian/stock", {"pieces": 2, **WHY}) for _ in range(2)),
    )
    orders = Counter(answer.status_code for answer in answers[:16] + answers[20:36])
    lowered = Counter(answer.status_code for answer in answers[16:20])
    assert set(orders) <= {201, 409}
    assert set(lowered) <= {200, 409}
    stock = await rewards.stock()
    assert stock["sold"] == orders[201]
    assert stock["available"] + stock["sold"] == 20 - 3 * lowered[200] + 4


async def test_codes_of_a_partner_are_neither_made_nor_deleted_here(rewards: Rewards, operators: Operators) -> None:
    await operators.publish("boat", stock=1)
    await rewards.sql("UPDATE rewards.voucher SET imported = true")
    await operators.refused("CODES_OF_PARTNER", "POST", "/items/boat/stock", {"pieces": 1, **WHY})
    await operators.refused("STOCK_TOO_LOW", "POST", "/items/boat/stock", {"pieces": -1, **WHY})
    for pieces in (0, 10_001, -10_001, 1.5):
        await operators.refused("INVALID_REQUEST", "POST", "/items/boat/stock", {"pieces": pieces, **WHY})
    await operators.refused("ITEM_NOT_FOUND", "POST", "/items/nothing/stock", {"pieces": 1, **WHY})


async def test_a_repeated_change_of_the_stock_counts_once(rewards: Rewards, operators: Operators) -> None:
    await operators.publish(stock=5)
    headers = {**rewards.tokens.operator(subject="ann"), "Idempotency-Key": "raise-of-friday"}
    path = "/api/v1/rewards/ops/items/reganmian/stock"

    async def send(pieces: int) -> httpx.Response:
        return await rewards.client.post(path, json={"pieces": pieces, **WHY}, headers=headers)

    answers = await asyncio.gather(*(send(3) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    again = await send(3)
    assert (again.json()["stock"], again.headers["idempotent-replayed"]) == (8, "true")
    assert (await send(4)).json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert (await rewards.stock())["available"] == 8


# --- categories -------------------------------------------------------------------------------------------------------


async def test_categories_have_an_order_two_languages_and_can_be_hidden(rewards: Rewards, operators: Operators) -> None:
    await operators.did(
        200, "PUT", "/categories/travel", {"name_zh": "出行", "name_en": "Travel", "position": 5, **WHY}
    )
    hidden = {"name_zh": "旧", "name_en": "Old", "hidden": True, **WHY}
    await operators.did(200, "PUT", "/categories/old", hidden)
    await operators.did(200, "PUT", "/categories/old", hidden)
    shown = (await rewards.get("/categories")).json()["items"]
    assert shown == [{"category_id": "food", "name": "过早"}, {"category_id": "travel", "name": "出行"}]
    every = await operators.did(200, "GET", "/categories")
    assert [one["category_id"] for one in every["items"]] == ["food", "old", "travel"]
    assert await operators.audited("old") == [("category.save", "ann")]


async def test_a_hundred_categories_are_enough(rewards: Rewards, operators: Operators) -> None:
    await rewards.sql(
        "INSERT INTO rewards.category (category_id, name_zh, name_en)"
        " SELECT 'c-' || n, '类', 'C' FROM generate_series(1, 97) n"
    )
    answers = await asyncio.gather(
        *(
            operators.call("PUT", f"/categories/new-{number}", {"name_zh": "新", "name_en": "New", **WHY})
            for number in range(8)
        )
    )
    assert Counter(answer.status_code for answer in answers) == {200: 2, 409: 6}


async def test_readers_and_citizens_change_nothing(rewards: Rewards, operators: Operators) -> None:
    reader = rewards.tokens.operator("ops:read")
    for headers in (reader, rewards.tokens.citizen(rewards.citizen())):
        answer = await rewards.client.post(
            "/api/v1/rewards/ops/items", json={**CONTENT, "item_id": "x"}, headers=headers
        )
        assert answer.status_code in {401, 403}
