"""The life of a voucher: valid for a time, reminded, given back while unused, expired by the published rule, listed."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from services.rewards.vouchers import using
from services.rewards.vouchers.sealing import CodeSealer
from shared import clock
from shared.contracts.rewards_v1 import RewardEvent, VouchersExpiring
from shared.instants import CITY_ZONE
from shared.outbox import records_in
from tests.rewards.conftest import PRICE_MG, Rewards
from tests.rewards.operators import CONTENT, Operators
from tests.rewards.operators import WHY as REASON
from tests.rewards.tills import WHY, bought, open_counter, ops, shown

TOPIC = "rewards.events.v1"


async def set_terms(rewards: Rewards, **terms: Any) -> Any:
    return await ops(rewards, "PUT", "/items/reganmian/voucher-terms", {**terms, "reason": WHY})


async def move_end(rewards: Rewards, seconds: float) -> None:
    """Let assigned vouchers end so many seconds from now."""
    await rewards.sql(
        "UPDATE rewards.voucher SET valid_until = clock_timestamp() + make_interval(secs => $1)"
        " WHERE order_id IS NOT NULL",
        seconds,
    )


async def expire(rewards: Rewards) -> None:
    async with rewards.database.transaction() as session:
        await using.expire_due(session)


async def test_the_end_is_fixed_when_the_voucher_is_made(rewards: Rewards) -> None:
    await rewards.add_item()
    assert (await set_terms(rewards, valid_days=30))["valid_days"] == 30
    view = await shown(rewards, *(first := await bought(rewards)))
    today = clock.now().astimezone(CITY_ZONE).date()
    ends = datetime.fromisoformat(view["valid_until"])
    assert (ends.date(), ends.hour, ends.minute) == (today + timedelta(days=31), 0, 0)
    assert "减碳量全额退还" in view["rule"]
    await set_terms(rewards, valid_days=1)
    assert (await shown(rewards, *first))["valid_until"] == view["valid_until"], "existing vouchers keep their end"
    other = await shown(rewards, *await bought(rewards))
    assert datetime.fromisoformat(other["valid_until"]).date() == today + timedelta(days=2)


async def test_a_sale_may_not_outlast_the_validity(rewards: Rewards) -> None:
    """Whichever of the two is changed: the last one to order has an hour to use the voucher."""
    await rewards.add_item()
    operators = Operators(rewards)
    await operators.did(200, "PUT", "/categories/food", {"name_zh": "过早", "name_en": "Breakfast", **REASON})
    end = clock.now() + timedelta(days=9)
    assert (await set_terms(rewards, valid_until=end.isoformat()))["code"] == "SALE_OUTLASTS_VALIDITY"
    content = {**CONTENT, "budget_id": "budget-reganmian"}
    ending = {**content, "sale_ends_at": (end - timedelta(hours=1)).isoformat()}
    await operators.by_two("/items/reganmian/changes", ending)
    assert (await set_terms(rewards, valid_until=end.isoformat()))["valid_until"] is not None
    await operators.refused("SALE_OUTLASTS_VALIDITY", "POST", "/items/reganmian/changes", content)
    later = {**content, "sale_ends_at": (end - timedelta(minutes=59)).isoformat()}
    await operators.refused("SALE_OUTLASTS_VALIDITY", "POST", "/items/reganmian/changes", later)
    await operators.did(200, "POST", "/items/reganmian/withdraw", REASON)
    await operators.refused("SALE_OUTLASTS_VALIDITY", "PUT", "/items/reganmian", later)
    assert (await set_terms(rewards, valid_from=end.isoformat(), valid_until=clock.now().isoformat()))["code"] == (
        "INVALID_REQUEST"
    )


async def test_a_change_of_the_sale_racing_a_change_of_the_validity_leaves_no_voucher_over_at_once(
    rewards: Rewards,
) -> None:
    await rewards.add_item()
    operators = Operators(rewards)
    await operators.did(200, "PUT", "/categories/food", {"name_zh": "过早", "name_en": "Breakfast", **REASON})
    end = clock.now() + timedelta(days=9)
    content = {**CONTENT, "budget_id": "budget-reganmian"}
    for number in range(6):
        closing = {**content, "sale_ends_at": (end - timedelta(days=1, seconds=number)).isoformat()}
        await operators.by_two("/items/reganmian/changes", closing)
        proposal_id = await operators.propose("/items/reganmian/changes", content)
        await asyncio.gather(
            set_terms(rewards, valid_until=end.isoformat()),
            operators.call("POST", f"/proposals/{proposal_id}/approve", REASON, by="bob"),
        )
        rows = await rewards.sql(
            "SELECT count(*) AS wrong FROM rewards.item JOIN rewards.voucher_terms t USING (item_id)"
            " WHERE t.valid_until < coalesce(sale_ends_at, 'infinity')"
        )
        assert rows[0]["wrong"] == 0
        await set_terms(rewards, valid_days=None)
        await operators.call("POST", f"/proposals/{proposal_id}/reject", REASON)


async def test_vouchers_outlive_the_sale_the_item_and_the_budget(rewards: Rewards) -> None:
    """The sale bounds orders, the validity bounds vouchers: whoever has one uses it or gives it back."""
    await rewards.add_item(stock=2)
    till = await open_counter(rewards)
    await set_terms(rewards, valid_days=30)
    first, second = await bought(rewards), await bought(rewards)
    await rewards.sql("UPDATE rewards.item SET sale_ends_at = now() - interval '1 second'")
    assert (await rewards.order(rewards.citizen())).json()["code"] == "SALE_CLOSED"
    operators = Operators(rewards)
    await operators.by_two("/budgets/budget-reganmian/close")
    await operators.did(200, "POST", "/items/reganmian/withdraw", REASON)
    view = await shown(rewards, *first)
    assert view["status"] == "unused"
    assert (await till.redeem(view["qr"])).status_code == 201
    user, order = second
    assert (await rewards.cancel(user, order["order_id"])).json()["status"] == "cancelled"
    assert rewards.balance_mg(user) == 50_000_000


async def test_terms_of_a_draft_hold_from_its_first_voucher(rewards: Rewards) -> None:
    operators = Operators(rewards)
    await operators.prepare()
    await operators.did(201, "POST", "/items", {**CONTENT, "item_id": "reganmian"})
    assert (await set_terms(rewards, valid_days=1))["valid_days"] == 1
    await operators.by_two("/items/reganmian/publish")
    await operators.did(200, "POST", "/items/reganmian/stock", {"pieces": 1, **REASON})
    assert (await shown(rewards, *await bought(rewards)))["valid_until"] is not None


async def test_a_voucher_is_not_taken_before_its_time_nor_after(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    begins = clock.now() + timedelta(hours=1)
    await set_terms(rewards, valid_from=begins.isoformat(), valid_days=3)
    user, order = await bought(rewards)
    early = await till.redeem((await shown(rewards, user, order))["qr"])
    assert (early.status_code, early.json()["code"]) == (409, "VOUCHER_NOT_YET_VALID")
    await rewards.sql("UPDATE rewards.voucher SET valid_from = NULL WHERE order_id IS NOT NULL")
    qr = (await shown(rewards, user, order))["qr"]
    await move_end(rewards, -1)
    late = await till.redeem(qr)
    assert (late.status_code, late.json()["code"]) == (409, "VOUCHER_EXPIRED")
    assert (await till.check(qr)).json()["status"] == "expired"


async def test_an_expired_voucher_keeps_its_grams_and_cannot_be_given_back(rewards: Rewards) -> None:
    await rewards.add_item()
    user, order = await bought(rewards)
    before = rewards.balance_mg(user)
    await move_end(rewards, -1)
    await expire(rewards)
    refused = await rewards.cancel(user, order["order_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "ORDER_EXPIRED")
    assert rewards.balance_mg(user) == before
    listed = (await rewards.get("/me/vouchers", user, status="expired")).json()["items"]
    assert [one["order_id"] for one in listed] == [order["order_id"]]
    view = await shown(rewards, user, order)
    assert (view["status"], view["qr"], view["pin"]) == ("expired", None, None)


async def test_before_its_end_a_voucher_is_given_back_with_everything(rewards: Rewards) -> None:
    await rewards.add_item(stock=1)
    till = await open_counter(rewards)
    await set_terms(rewards, valid_days=1)
    user, order = await bought(rewards)
    qr = (await shown(rewards, user, order))["qr"]
    assert (await rewards.cancel(user, order["order_id"])).json()["status"] == "cancelled"
    assert rewards.balance_mg(user) == 50_000_000
    assert (await till.redeem(qr)).status_code == 404, "the old code belongs to nobody"
    listed = (await rewards.get("/me/vouchers", user)).json()["items"]
    assert [(one["status"], one["used_at"]) for one in listed] == [("given_back", None)]
    assert listed[0]["returned_at"] is not None
    other, again = await bought(rewards)
    assert (await till.redeem(qr)).status_code == 404, "also for its next owner"
    assert (await till.redeem((await shown(rewards, other, again))["qr"])).status_code == 201


async def test_a_list_shows_each_state_page_by_page(rewards: Rewards) -> None:
    await rewards.add_item(stock=9, per_user_limit=None)
    till = await open_counter(rewards)
    user = rewards.citizen(balance_mg=9 * PRICE_MG)
    orders = [(await rewards.order(user, quantity=2)).json() for _ in range(3)]
    await rewards.cancel(user, orders[0]["order_id"])
    await till.redeem((await shown(rewards, user, orders[1]))["qr"])
    pages, cursor = [], None
    while True:
        params = {"limit": 2} if cursor is None else {"limit": 2, "cursor": cursor}
        page = (await rewards.get("/me/vouchers", user, **params)).json()
        pages += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    # The newest order first, and within it the last line.
    assert [one["status"] for one in pages] == ["unused", "unused", "unused", "used", "given_back", "given_back"]
    assert len({(one["order_id"], one["voucher_id"]) for one in pages}) == 6
    for status, count in (("unused", 3), ("used", 1), ("given_back", 2), ("expired", 0)):
        found = (await rewards.get("/me/vouchers", user, status=status)).json()["items"]
        assert [one["status"] for one in found] == [status] * count
    assert (await rewards.get("/me/vouchers", rewards.citizen())).json()["items"] == []


async def test_the_owner_is_reminded_once_for_each_order(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=None)
    user, order = await bought(rewards, quantity=2)
    await bought(rewards)
    await rewards.sql(
        "UPDATE rewards.voucher SET valid_until = clock_timestamp() + interval '2 days' WHERE user_id = $1", user
    )
    for _ in range(2):
        async with rewards.database.transaction() as session:
            await using.remind_due(session, topic=TOPIC)
    rows = await rewards.sql("SELECT records FROM rewards.outbox WHERE topic = $1 ORDER BY 1", TOPIC)
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(RewardEvent)
    events = [decoder.decode(record.value or b"") for row in rows for record in records_in(bytes(row["records"]))]
    reminders = [event for event in events if isinstance(event, VouchersExpiring)]
    assert [(str(one.order_id), one.quantity, one.title) for one in reminders] == [(order["order_id"], 2, "一碗热干面")]


async def test_the_rule_is_published(rewards: Rewards) -> None:
    rule = (await rewards.get("/voucher-rules")).json()
    assert rule["version"] == "2026-11"
    assert "过期的券不能再用" in rule["text"]


async def test_the_secret_of_a_code_is_sealed_and_dies_with_the_ownership(rewards: Rewards) -> None:
    await rewards.add_item(stock=1)
    user, order = await bought(rewards)
    assert (await rewards.sql("SELECT secret_sealed FROM rewards.voucher"))[0]["secret_sealed"] is None
    await shown(rewards, user, order)
    [row] = await rewards.sql("SELECT voucher_id, secret_sealed FROM rewards.voucher")
    sealer = CodeSealer(rewards.settings.voucher_keys)
    secret = sealer.open_secret(bytes(row["secret_sealed"]), voucher_id=row["voucher_id"])
    assert len(secret) == 20
    assert secret not in bytes(row["secret_sealed"])
    await shown(rewards, user, order)
    assert (await rewards.sql("SELECT secret_sealed FROM rewards.voucher"))[0]["secret_sealed"] == row["secret_sealed"]
    await rewards.cancel(user, order["order_id"])
    assert (await rewards.sql("SELECT secret_sealed FROM rewards.voucher"))[0]["secret_sealed"] is None


@pytest.mark.parametrize("path", ["/me/vouchers", "/me/vouchers/01999e5e-0000-7000-8000-000000000001"])
async def test_vouchers_need_their_owner(rewards: Rewards, path: str) -> None:
    assert (await rewards.get(path)).status_code == 401
