"""A voucher at the till: redeemed once, refused again with when and where, undone by the same till."""

import pytest

from services.rewards.vouchers import qr as qr_code
from tests.rewards.conftest import API, COST_FEN, Rewards
from tests.rewards.operators import CONTENT, WHY, Operators
from tests.rewards.test_voucher_imports import upload
from tests.rewards.tills import (
    add_key,
    add_shop,
    add_till,
    bought,
    open_counter,
    ops,
    qr_of_new_voucher,
    shown,
    signed,
)


async def test_a_voucher_is_redeemed_once_and_then_the_till_learns_when_and_where(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    user, order = await bought(rewards)
    qr = (await shown(rewards, user, order))["qr"]
    checked = (await till.check(qr)).json()
    assert (checked["status"], checked["redeemable"], checked["title"]) == ("unused", True, "一碗热干面")
    redeemed = await till.redeem(qr)
    assert redeemed.status_code == 201, redeemed.text
    assert redeemed.json()["fen"] == COST_FEN
    again = await till.redeem(qr)
    assert (again.status_code, again.json()["code"]) == (409, "VOUCHER_USED")
    assert (again.json()["shop_id"], again.json()["same_till"]) == ("hubu", True)
    assert "户部巷店" in again.json()["detail"]
    view = await shown(rewards, user, order)
    assert (view["status"], view["used_shop"]["name"], view["qr"]) == ("used", "户部巷店", None)
    line = {"pieces": 1, "fen": COST_FEN, "adjusted_fen": 0, "total_fen": COST_FEN}
    settled = await till.settlement()
    assert settled["status"] == "open"
    assert [{name: one[name] for name in line} for one in settled["lines"]] == [line]
    assert {name: settled[name] for name in line} == line


async def test_a_lost_answer_is_given_again_for_the_same_key(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    qr = await qr_of_new_voucher(rewards)
    first = await till.redeem(qr, key="key-of-one-guest")
    repeat = await till.redeem(qr, key="key-of-one-guest")
    assert (repeat.status_code, repeat.json()) == (201, first.json())
    assert repeat.headers["Idempotent-Replayed"] == "true"
    assert (await till.settlement())["pieces"] == 1


async def test_the_same_till_undoes_within_ten_minutes_and_the_voucher_works_again(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    other = await add_till(rewards)
    user, order = await bought(rewards)
    qr = (await shown(rewards, user, order))["qr"]
    redemption_id = (await till.redeem(qr)).json()["redemption_id"]
    refused = await other.undo(redemption_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "UNDO_OTHER_TILL")
    undone = await till.undo(redemption_id)
    assert undone.status_code == 200, undone.text
    assert undone.json()["undone_at"] is not None
    assert (await till.undo(redemption_id)).json() == undone.json(), "a repeat is harmless"
    assert (await till.settlement())["lines"] == []
    assert (await shown(rewards, user, order))["status"] == "unused"
    assert (await other.redeem(qr)).status_code == 201
    assert (await rewards.cancel(user, order["order_id"])).json()["code"] == "ORDER_USED"


async def test_after_ten_minutes_nothing_is_undone(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    redemption_id = (await till.redeem(await qr_of_new_voucher(rewards))).json()["redemption_id"]
    await rewards.sql("UPDATE rewards.redemption SET recorded_at = recorded_at - interval '601 seconds'")
    late = await till.undo(redemption_id)
    assert (late.status_code, late.json()["code"]) == (409, "UNDO_TOO_LATE")
    assert (await till.settlement())["pieces"] == 1


async def test_a_picture_of_the_code_is_worthless_after_a_minute(
    rewards: Rewards, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    user, order = await bought(rewards)
    before = qr_code.step_at
    monkeypatch.setattr(qr_code, "step_at", lambda second: before(second) - qr_code.STEPS_ACCEPTED)
    picture = (await shown(rewards, user, order))["qr"]
    monkeypatch.setattr(qr_code, "step_at", before)
    stale = await till.redeem(picture)
    assert (stale.status_code, stale.json()["code"]) == (409, "VOUCHER_CODE_STALE")
    assert (await till.redeem((await shown(rewards, user, order))["qr"])).status_code == 201


async def test_a_code_of_the_step_before_is_accepted_and_one_of_the_future_is_not(
    rewards: Rewards, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    user, order = await bought(rewards)
    before = qr_code.step_at
    monkeypatch.setattr(qr_code, "step_at", lambda second: before(second) + 1)
    future = (await shown(rewards, user, order))["qr"]
    monkeypatch.setattr(qr_code, "step_at", before)
    assert (await till.check(future)).json()["refusal_code"] == "VOUCHER_CODE_STALE"
    assert not qr_code.is_fresh(10, at_second=9 * 30)
    assert qr_code.is_fresh(10, at_second=10 * 30)
    assert qr_code.is_fresh(10, at_second=11 * 30 + 29)
    assert not qr_code.is_fresh(10, at_second=12 * 30)


async def test_a_cashier_types_the_code_with_its_digits(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    view = await shown(rewards, *await bought(rewards))
    wrong = f"{(int(view['pin']) + 1) % 10**8:08d}"
    assert (await till.post("/vouchers/redeem", {"code": view["code"], "pin": wrong})).status_code == 404
    assert (await till.post("/vouchers/redeem", {"code": view["code"]})).status_code == 422
    assert (await till.post("/vouchers/redeem", {"code": view["code"], "pin": view["pin"]})).status_code == 201


async def test_forged_codes_are_not_found(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    qr = await qr_of_new_voucher(rewards)
    known = qr_code.read_qr(qr)
    assert known is not None
    forged = qr_code.shown_text(
        voucher_id=known.voucher_id, step=known.step, tag=bytes(10), valid_until_s=0, item_id="reganmian"
    )
    for text in ("CIV1", "CIV1.a.b", qr[:-4], "7KQ2-M4XV-9TBD-C3HW", qr_code.with_signature(forged, 1, bytes(64))):
        answer = await till.redeem(text)
        assert (answer.status_code, answer.json()["code"]) == (404, "VOUCHER_NOT_FOUND"), text


async def shops_of(rewards: Rewards) -> list[str]:
    return [shop["shop_id"] for shop in (await rewards.get("/items/reganmian/shops")).json()["items"]]


async def test_a_shop_takes_only_the_items_that_are_valid_there(rewards: Rewards) -> None:
    await rewards.add_item(shops=["hubu"])
    till = await open_counter(rewards)
    await add_shop(rewards, "jianghan")
    other = await add_till(rewards, "jianghan")
    qr = await qr_of_new_voucher(rewards)
    refused = await other.redeem(qr)
    assert (refused.status_code, refused.json()["code"]) == (409, "VOUCHER_NOT_TAKEN_HERE")
    assert (await other.check(qr)).json()["refusal_code"] == "VOUCHER_NOT_TAKEN_HERE"
    assert await shops_of(rewards) == ["hubu"]
    operators = Operators(rewards)
    await operators.did(200, "PUT", "/categories/food", {"name_zh": "过早", "name_en": "Breakfast", **WHY})
    moved = {**CONTENT, "budget_id": "budget-reganmian", "per_user_limit": 1, "shops": ["jianghan"]}
    await operators.refused("SHOP_NOT_FOUND", "POST", "/items/reganmian/changes", {**moved, "shops": ["jiang-han"]})
    proposal_id = await operators.propose("/items/reganmian/changes", moved)
    assert (await other.redeem(qr)).status_code == 409, "one operator alone moves no money to another shop"
    await operators.approve(proposal_id)
    assert await shops_of(rewards) == ["jianghan"]
    assert (await till.redeem(qr)).status_code == 409
    assert (await other.redeem(qr)).status_code == 201


async def test_an_item_that_names_no_shop_is_taken_in_every_open_one(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    await add_shop(rewards, "jianghan")
    await add_shop(rewards, "optics-valley")
    await ops(rewards, "POST", "/shops/optics-valley/close", {"reason": "搬走"}, status=200)
    assert await shops_of(rewards) == ["hubu", "jianghan"]
    page = (await rewards.get("/items/reganmian/shops", limit=1)).json()
    rest = (await rewards.get("/items/reganmian/shops", cursor=page["next_cursor"])).json()
    assert [shop["shop_id"] for shop in (*page["items"], *rest["items"])] == ["hubu", "jianghan"]
    assert (await till.redeem(await qr_of_new_voucher(rewards))).status_code == 201
    await ops(rewards, "POST", "/merchants/guozao/suspend", {"reason": "查账"}, status=200)
    assert await shops_of(rewards) == []


async def test_a_merchants_system_redeems_with_its_key_in_its_own_shops(rewards: Rewards) -> None:
    await rewards.add_item()
    await open_counter(rewards)
    key = await add_key(rewards)
    qr = await qr_of_new_voucher(rewards)
    body = {"qr": qr, "shop_id": "hubu", "till_ref": "pos-7"}
    assert (await signed(rewards, key, "POST", "/vouchers/redeem", {"qr": qr})).status_code == 404  # which shop?
    redeemed = await signed(rewards, key, "POST", "/vouchers/redeem", body)
    assert redeemed.status_code == 201, redeemed.text
    redemption_id = redeemed.json()["redemption_id"]
    other = await signed(rewards, key, "POST", "/vouchers/undo", {"redemption_id": redemption_id, "till_ref": "pos-8"})
    assert other.json()["code"] == "UNDO_OTHER_TILL"
    undone = await signed(rewards, key, "POST", "/vouchers/undo", {"redemption_id": redemption_id, "till_ref": "pos-7"})
    assert undone.status_code == 200


async def test_keys_tills_and_merchants_are_stopped_at_once(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    key = await add_key(rewards)
    qr = await qr_of_new_voucher(rewards)
    await ops(rewards, "POST", "/merchants/guozao/suspend", {"reason": "查账"}, status=200)
    assert (await till.check(qr)).json()["code"] == "MERCHANT_SUSPENDED"
    assert (await signed(rewards, key, "GET", "/disputes")).json()["code"] == "MERCHANT_SUSPENDED"
    proposal = await ops(rewards, "POST", "/merchants/guozao/resume", {"reason": "查完了"}, status=202)
    path = f"/merchant-proposals/{proposal['proposal_id']}/approve"
    assert (await ops(rewards, "POST", path))["code"] == "SECOND_PERSON_NEEDED"
    await ops(rewards, "POST", path, by="ops-bob", status=200)
    assert (await till.check(qr)).status_code == 200
    await ops(rewards, "POST", f"/tills/{till.till_id}/revoke", {"reason": "换机"}, status=204)
    await ops(rewards, "POST", f"/merchants/guozao/keys/{key[0]}/revoke", {"reason": "换密钥"}, status=204)
    assert (await till.check(qr)).json()["reason_code"] == "REVOKED"
    assert (await signed(rewards, key, "GET", "/disputes")).json()["reason_code"] == "REVOKED"


async def test_an_enrolment_code_works_once_and_a_till_has_no_rights_of_the_merchant(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    asked = await ops(rewards, "POST", "/shops/hubu/till-enrolments", {"name": "二号台", "reason": "新台"}, status=201)
    bearer = {"Authorization": f"Bearer {asked['code']}"}
    answers = [(await rewards.client.post(f"{API}/merchant/tills", headers=bearer)).status_code for _ in range(2)]
    assert answers == [201, 401]
    refused = await till.post("/till-enrolments", {"shop_id": "hubu", "name": "三号台"})
    assert (refused.status_code, refused.json()["code"]) == (403, "MERCHANT_KEY_NEEDED")
    asked = await ops(rewards, "POST", "/shops/hubu/till-enrolments", {"name": "四号台", "reason": "新台"}, status=201)
    await rewards.sql("UPDATE rewards.till_enrolment SET expires_at = now() - interval '1 second'")
    late = await rewards.client.post(f"{API}/merchant/tills", headers={"Authorization": f"Bearer {asked['code']}"})
    assert (late.status_code, late.json()["code"]) == (401, "ENROLMENT_INVALID")


async def test_a_signed_request_is_not_replayed_and_a_changed_one_is_refused(rewards: Rewards) -> None:
    await rewards.add_item()
    await open_counter(rewards)
    key = await add_key(rewards)
    first = await signed(rewards, key, "GET", "/disputes")
    assert first.status_code == 200, first.text
    sent = {"Authorization": first.request.headers["Authorization"]}
    replayed = await rewards.client.get(f"{API}/merchant/disputes", headers=sent)
    assert (replayed.status_code, replayed.json()["reason_code"]) == (401, "REPLAYED")
    changed = await rewards.client.get(f"{API}/merchant/disputes?status=open", headers=sent)
    assert (changed.status_code, changed.json()["reason_code"]) == (401, "SIGNATURE")


async def test_a_typed_code_that_many_merchants_use_is_found_by_its_digits(rewards: Rewards) -> None:
    """Short codes such as 0001 stand in the files of many merchants."""
    till = await open_counter(rewards)
    views = []
    for number in range(5):
        item_id = f"soup-{number}"
        await rewards.add_item(item_id, stock=0)
        assert (await upload(rewards, "code\n0001\n", item_id=item_id))["added"] == 1
        views.append(await shown(rewards, *await bought(rewards, item_id)))
    for number, view in enumerate(views):
        answer = await till.post("/vouchers/redeem", {"code": "0001", "pin": view["pin"]})
        assert (answer.status_code, answer.json().get("item_id")) == (201, f"soup-{number}"), answer.text
