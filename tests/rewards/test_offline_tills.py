"""A till that lost its line: it checks signatures itself, reports later, and a double use becomes a dispute."""

import base64
import uuid
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.rewards.clearing import service as clearing
from services.rewards.vouchers import qr as qr_code
from shared import clock
from tests.rewards.conftest import API, COST_FEN, Rewards
from tests.rewards.tills import (
    BOB,
    Till,
    add_key,
    add_till,
    bought,
    open_counter,
    ops,
    qr_of_new_voucher,
    shown,
    signed,
)


def accepted(qr: str, at: datetime | None = None) -> dict[str, Any]:
    return {"report_id": str(uuid.uuid4()), "qr": qr, "accepted_at": (at or clock.now()).isoformat()}


async def report(till: Till, *entries: dict[str, Any], lost: datetime | None = None) -> list[dict[str, Any]]:
    body = {"line_lost_at": (lost or clock.now() - timedelta(seconds=5)).isoformat(), "accepted": list(entries)}
    answer = await till.post("/vouchers/offline-reports", body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


async def test_a_till_checks_the_signature_of_a_code_without_asking(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    known = (await rewards.client.get(f"{API}/merchant/till", headers=till.headers)).json()
    assert (known["shop_id"], known["item_ids"], known["offline_for_s"]) == ("hubu", ["reganmian"], 600)
    keys = {one["version"]: base64.b64decode(one["public_key"]) for one in known["signing_keys"]}
    code = qr_code.read_qr(await qr_of_new_voucher(rewards))
    assert code is not None
    Ed25519PublicKey.from_public_bytes(keys[code.key_version]).verify(code.signature, code.signed)
    assert code.item_id in known["item_ids"]


async def test_what_was_accepted_without_a_line_is_redeemed_once(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    user, order = await bought(rewards)
    entry = accepted((await shown(rewards, user, order))["qr"])
    [first] = await report(till, entry)
    assert first["outcome"] == "redeemed"
    [repeat] = await report(till, entry)
    assert repeat == first, "reporting twice changes nothing"
    assert (await shown(rewards, user, order))["status"] == "used"
    settled = await till.settlement()
    assert (settled["pieces"], settled["fen"]) == (1, COST_FEN)


async def test_the_use_that_is_recorded_first_stands_and_the_other_is_a_dispute(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    other = await add_till(rewards)
    qr = await qr_of_new_voucher(rewards)
    early = accepted(qr, clock.now() - timedelta(seconds=20))
    assert (await other.redeem(qr)).status_code == 201
    [result] = await report(till, early, lost=clock.now() - timedelta(minutes=1))
    assert result["outcome"] == "double_use"
    [dispute] = (await ops(rewards, "GET", "/disputes?status=open", status=200))["items"]
    assert (dispute["dispute_id"], dispute["kind"], dispute["fen"]) == (result["dispute_id"], "double_use", COST_FEN)
    assert (await till.settlement())["fen"] == COST_FEN
    await decide(rewards, dispute["dispute_id"], "upheld")
    settled = await till.settlement()
    assert (settled["fen"], settled["adjusted_fen"], settled["total_fen"]) == (COST_FEN, COST_FEN, 2 * COST_FEN)


async def decide(rewards: Rewards, dispute_id: str, outcome: str) -> None:
    body = {"outcome": outcome, "reason": "门店有监控为证"}
    proposal = await ops(rewards, "POST", f"/disputes/{dispute_id}/decision", body, status=202)
    path = f"/disputes/proposals/{proposal['proposal_id']}/approve"
    assert (await ops(rewards, "POST", path))["code"] == "SECOND_PERSON_NEEDED"
    await ops(rewards, "POST", path, by=BOB, status=200)


async def test_a_till_whose_answer_was_lost_reports_its_own_redemption(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    qr = await qr_of_new_voucher(rewards)
    redeemed = (await till.redeem(qr)).json()
    [result] = await report(till, accepted(qr))
    assert (result["outcome"], result["redemption_id"]) == ("known", redeemed["redemption_id"])
    assert (await ops(rewards, "GET", "/disputes"))["items"] == []


async def test_a_voucher_given_back_after_it_was_accepted_is_a_dispute(rewards: Rewards) -> None:
    await rewards.add_item(stock=1)
    till = await open_counter(rewards)
    user, order = await bought(rewards)
    entry = accepted((await shown(rewards, user, order))["qr"])
    await rewards.cancel(user, order["order_id"])
    await bought(rewards)  # the piece has a new owner
    [result] = await report(till, entry)
    assert result["outcome"] == "given_back"
    assert (await till.settlement())["pieces"] == 0


async def test_liars_get_nothing(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    qr = await qr_of_new_voucher(rewards)
    now = clock.now()
    code = qr_code.read_qr(qr)
    assert code is not None
    forged = qr_code.shown_text(
        voucher_id=code.voucher_id, step=code.step, tag=code.tag, valid_until_s=0, item_id="reganmian"
    )
    forged = qr_code.with_signature(forged + "AAAA", code.key_version, code.signature)
    results = [
        (await report(till, accepted(forged)))[0],
        (await report(till, accepted(qr, now + timedelta(hours=1)), lost=now + timedelta(hours=1)))[0],
        (await report(till, accepted(qr, now + timedelta(minutes=11)), lost=now))[0],
        (await report(till, accepted(qr, now - timedelta(minutes=9)), lost=now - timedelta(minutes=9)))[0],
        (await report(till, accepted(qr, now - timedelta(days=2)), lost=now - timedelta(days=2)))[0],
    ]
    assert [(one["outcome"], one["code"]) for one in results] == [
        ("refused", "VOUCHER_NOT_FOUND"),
        ("refused", "OFFLINE_NOT_IN_TIME"),
        ("refused", "OFFLINE_NOT_IN_TIME"),
        ("refused", "VOUCHER_CODE_STALE"),
        ("refused", "OFFLINE_NOT_IN_TIME"),
    ]
    assert (await till.settlement())["pieces"] == 0


async def test_a_voucher_that_expired_before_the_report_was_accepted_in_time(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    user, order = await bought(rewards)
    entry = accepted((await shown(rewards, user, order))["qr"], clock.now() - timedelta(seconds=10))
    await rewards.sql(
        "UPDATE rewards.voucher SET valid_until = clock_timestamp() - interval '5 seconds', expired_at = now()"
        " WHERE order_id IS NOT NULL"
    )
    [result] = await report(till, entry, lost=clock.now() - timedelta(seconds=30))
    assert result["outcome"] == "redeemed"


async def test_merchants_and_sponsors_dispute_and_two_operators_decide(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    key = await add_key(rewards)
    stands = (await till.redeem(await qr_of_new_voucher(rewards))).json()["redemption_id"]
    undone = (await till.redeem(await qr_of_new_voucher(rewards))).json()["redemption_id"]
    await till.undo(undone)
    wrong = await signed(rewards, key, "POST", "/disputes", {"redemption_id": stands, "claim": "多付一份"})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "NOTHING_TO_DISPUTE")
    own = await signed(rewards, key, "POST", "/disputes", {"redemption_id": undone, "claim": "已出餐，误撤销"})
    assert own.status_code == 201, own.text
    again = await signed(rewards, key, "POST", "/disputes", {"redemption_id": undone, "claim": "已出餐，误撤销"})
    assert again.json()["code"] == "DISPUTE_EXISTS"
    body = {"redemption_id": stands, "claim": "顾客称没有取餐", "raised_for": "sponsor"}
    theirs = await ops(rewards, "POST", "/disputes", body, status=201)
    await decide(rewards, own.json()["dispute_id"], "refused")
    await decide(rewards, theirs["dispute_id"], "upheld")
    assert (await till.settlement())["total_fen"] == 0
    body = {"outcome": "upheld", "reason": "再裁一次"}
    again = await ops(rewards, "POST", f"/disputes/{theirs['dispute_id']}/decision", body)
    assert again["code"] == "DISPUTE_DECIDED"


async def test_a_closed_day_never_changes(rewards: Rewards) -> None:
    await rewards.add_item()
    till = await open_counter(rewards)
    redemption_id = (await till.redeem(await qr_of_new_voucher(rewards))).json()["redemption_id"]
    await rewards.sql("UPDATE rewards.redemption SET recorded_day = recorded_day - 2")
    # Yesterday is open until a quarter past midnight.
    past = (clock.local_date(clock.now(), "Asia/Shanghai") - timedelta(days=2)).isoformat()
    path = f"/settlements?day={past}"
    opened = await ops(rewards, "GET", path, status=200)
    async with rewards.database.transaction() as session:
        await clearing.close_due(session)
    closed = await ops(rewards, "GET", path, status=200)
    assert closed["status"] == "closed"
    assert (closed["lines"], closed["fen"]) == (opened["lines"], COST_FEN)
    late = await till.undo(redemption_id)
    assert (late.status_code, late.json()["code"]) == (409, "UNDO_TOO_LATE")
    async with rewards.database.transaction() as session:
        await clearing.close_due(session)
    assert await ops(rewards, "GET", path, status=200) == closed
    tomorrow = (clock.local_date(clock.now(), "Asia/Shanghai") + timedelta(days=1)).isoformat()
    assert (await ops(rewards, "GET", f"/settlements?day={tomorrow}"))["code"] == "SETTLEMENT_DAY_NOT_REACHED"
