"""The catalogue, the voucher pools, the stock check and the seed."""

import asyncio
import uuid
from pathlib import Path

import pytest

from services.rewards import seed
from services.rewards.catalogue import service as catalogue
from services.rewards.settings import Settings
from services.rewards.vouchers import service as vouchers
from services.rewards.vouchers.sealing import CodeSealer, new_code
from shared import migrations
from shared.sealing import SealBroken
from tests.databases import Dsns, in_own_loop
from tests.rewards.conftest import API, PRICE_MG, Rewards


async def test_items_are_public_and_paged(rewards: Rewards) -> None:
    for item_id, category in (("boat", "travel"), ("noodles", "food"), ("tea", "food")):
        await rewards.add_item(item_id, category=category, stock=2)
    first = (await rewards.get("/items", limit=2)).json()
    second = (await rewards.get("/items", limit=2, cursor=first["next_cursor"])).json()
    assert [item["item_id"] for item in first["items"] + second["items"]] == ["boat", "noodles", "tea"]
    assert (first["has_more"], second["has_more"], second["next_cursor"]) == (True, False, None)
    food = (await rewards.get("/items", category="food")).json()
    assert [item["item_id"] for item in food["items"]] == ["noodles", "tea"]
    item = (await rewards.get("/items/noodles")).json()
    assert item == food["items"][0]
    assert item["sponsor"] == {"sponsor_id": "guozao", "name": "过早联盟"}
    assert (item["price_mg"], item["stock"], item["per_user_limit"]) == (PRICE_MG, 2, 1)
    assert item["sale_window"] == {"starts_at": None, "ends_at": None, "open": True}
    english = await rewards.client.get(f"{API}/items/noodles", headers={"Accept-Language": "en"})
    assert english.json()["title"] == "A bowl of hot dry noodles"
    assert english.json()["display"] == "5.00 kg"


async def test_an_unknown_or_malformed_item_id_is_refused(rewards: Rewards) -> None:
    assert (await rewards.get("/items/nothing")).json()["code"] == "ITEM_NOT_FOUND"
    for path in ("/items/a%00b", "/items?category=%00", "/items?cursor=WyIAIl0", "/items?limit=101"):
        assert (await rewards.client.get(API + path)).status_code == 422, path


async def test_loading_the_same_codes_again_adds_nothing(rewards: Rewards) -> None:
    codes = [new_code() for _ in range(7)]
    await rewards.add_item(codes=codes)
    sealer = CodeSealer(rewards.settings.voucher_key_bytes)
    async with rewards.database.transaction() as session:
        added = await vouchers.load_codes(
            session, sealer=sealer, item_id="reganmian", codes=[*codes, *codes, "one-more"]
        )
    assert added == 1
    assert await rewards.stock() == {"available": 8, "reserved": 0, "sold": 0}


async def test_codes_are_sealed_at_rest(rewards: Rewards) -> None:
    code = new_code()
    await rewards.add_item(codes=[code, new_code()])
    one, other = await rewards.sql("SELECT * FROM rewards.voucher ORDER BY voucher_id")
    assert not any(code.encode() in bytes(value) for value in (one["code_sealed"], one["code_hash"]))
    sealer = CodeSealer(rewards.settings.voucher_key_bytes)
    assert sealer.open(one["code_sealed"], voucher_id=one["voucher_id"]) == code
    for key, voucher_id in ((bytes(32), one["voucher_id"]), (rewards.settings.voucher_key_bytes, other["voucher_id"])):
        with pytest.raises(SealBroken):
            CodeSealer(key).open(one["code_sealed"], voucher_id=voucher_id)


async def test_the_stock_of_an_item_is_a_metric(rewards: Rewards) -> None:
    await rewards.add_item("nearly-gone", stock=1)
    async with rewards.database.transaction() as session:
        await catalogue.report_low_stock(session)
    assert 'carbon_reward_stock_pieces{item="nearly-gone"} 1.0' in (await rewards.client.get("/metrics")).text


async def test_the_stock_check_reports_every_counter_that_differs(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=None)
    await rewards.add_campaign()
    user = rewards.citizen(PRICE_MG + 5_000)
    await rewards.order(user)
    await rewards.donate(user, 5_000)
    assert (await rewards.stock_check())["ok"]
    for spoil, mend in (
        ("UPDATE rewards.budget SET spent_fen = spent_fen + 1", "UPDATE rewards.budget SET spent_fen = spent_fen - 1"),
        ("UPDATE rewards.item_taken SET taken = taken + 1", "UPDATE rewards.item_taken SET taken = taken - 1"),
        ("UPDATE rewards.campaign SET donors = donors + 1", "UPDATE rewards.campaign SET donors = donors - 1"),
        (
            "UPDATE rewards.item_stock SET available = available - 1, reserved = reserved + 1",
            "UPDATE rewards.item_stock SET available = available + 1, reserved = reserved - 1",
        ),
    ):
        await rewards.sql(spoil)
        assert not (await rewards.stock_check())["ok"], spoil
        await rewards.sql(mend)


async def test_a_second_run_of_the_seed_changes_nothing(rewards: Rewards) -> None:
    in_own_loop(lambda: seed.seed(rewards.settings))
    user = rewards.citizen(5_000_000)
    assert (await rewards.order(user, "reganmian")).status_code == 201
    in_own_loop(lambda: seed.seed(rewards.settings))
    items = {item["item_id"]: item for item in (await rewards.get("/items")).json()["items"]}
    assert {name: items[name]["stock"] for name in ("reganmian", "donghu-boat")} == {
        "reganmian": 999,
        "donghu-boat": 200,
    }
    assert items["reganmian"]["title"] == "一碗热干面"
    (campaign,) = (await rewards.get("/campaigns")).json()["items"]
    assert (campaign["campaign_id"], campaign["target_mg"], campaign["open"]) == (
        "zero-carbon-marathon",
        30_000_000_000,
        True,
    )


async def test_the_tables_in_code_and_database_agree(rewards_dsns: Dsns) -> None:
    await asyncio.to_thread(migrations.check, "rewards", rewards_dsns.owner("rewards"))


@pytest.mark.parametrize("key", ["", "not base64!", "c2hvcnQ="])
def test_a_voucher_key_must_be_32_bytes(rewards_settings: Settings, key: str) -> None:
    values = rewards_settings.model_dump()
    with pytest.raises(ValueError, match="voucher_key"):
        Settings(**{**values, "voucher_key": key})


async def test_a_voucher_of_another_person_or_in_the_pool_is_not_found(rewards: Rewards) -> None:
    await rewards.add_item()
    (row, *_) = await rewards.sql("SELECT voucher_id FROM rewards.voucher")
    answer = await rewards.get(f"/me/vouchers/{row['voucher_id']}", uuid.uuid4())
    assert (answer.status_code, answer.json()["code"]) == (404, "VOUCHER_NOT_FOUND")


def test_the_seed_names_its_unverified_figures_and_keeps_the_first_items() -> None:
    mall = seed.load_mall()
    items = {item.id: item for item in mall.items}
    assert {"reganmian", "donghu-boat", "putaojiu", "huanghelou-ticket", "metro-coupon", "tree-sapling"} <= items.keys()
    assert [(items[name].price_mg, items[name].price_fen) for name in ("reganmian", "donghu-boat")] == [
        (5_000_000, 1_000),
        (20_000_000, 4_000),
    ]
    assert {item.id for item in mall.items if not item.unverified} == set()
    receivers = {f"redeemed:{sponsor.id}" for sponsor in mall.sponsors}
    known = (Path(__file__).parents[2] / "services/accounting/seed.py").read_text(encoding="utf-8")
    assert {receiver for receiver in receivers if f'"{receiver}"' not in known} == set()


@pytest.mark.parametrize("change", [{"category": "x"}, {"sponsor": "x"}, {"price_fen": 1}, {"colour": "red"}])
def test_a_faulty_seed_is_refused(change: dict[str, object]) -> None:
    whole = seed.load_mall().model_dump(exclude_none=True)
    whole["items"] = [{**whole["items"][0], **change}]
    with pytest.raises(ValueError, match="SeedMall"):
        seed.SeedMall.model_validate(whole)
