"""Banks: their signatures, keys and terms, and what operators settle with them."""

import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy.local.fake_bank import PREFIX, Bank
from shared import clock
from tests.rewards.conftest import Rewards
from tests.rewards.loans import APP_KEY, BANK_ID, KG, Lending, code, offer, open_bank, public_pem
from tests.rewards.operators import WHY


@pytest.fixture
async def lending(rewards: Rewards) -> AsyncIterator[Lending]:
    async with open_bank(rewards) as lending:
        await lending.register()
        yield lending


async def test_forged_altered_old_and_repeated_requests_are_refused(lending: Lending) -> None:
    user = lending.rewards.citizen(50 * KG)
    body = {
        "quote_id": "Q-1",
        "customer_ref": await lending.customer_ref(user),
        "interest_fen": 9_000,
        "expires_at": (clock.now() + timedelta(minutes=5)).isoformat(),
    }
    target = f"{PREFIX}/loan-quotes"
    raw = json.dumps(body).encode()

    async def post(header: str, content: bytes = raw) -> tuple[int, str, str]:
        answer = await lending.rewards.client.post(
            target, content=content, headers={"Authorization": header, "Content-Type": "application/json"}
        )
        return answer.status_code, answer.json().get("code", ""), answer.json().get("reason_code", "")

    def refused(why: str) -> tuple[int, str, str]:
        return 401, "BANK_SIGNATURE_INVALID", why

    sign = partial(lending.bank.header, "POST", target)
    good = sign(raw)
    more = json.dumps({**body, "interest_fen": 9_000_000}).encode()
    forger = Bank(lending.rewards.client, app_key=APP_KEY, key=Ed25519PrivateKey.generate())
    unknown = Bank(lending.rewards.client, app_key="bk-nobody-such", key=lending.key)
    assert await post(good, more) == refused("SIGNATURE")
    assert await post(forger.header("POST", target, raw)) == refused("SIGNATURE")
    assert await post(unknown.header("POST", target, raw)) == refused("UNKNOWN")
    assert await post(sign(raw, timestamp=int(time.time()) - 301)) == refused("OUT_OF_WINDOW")
    assert await post(lending.bank.header("GET", target, raw)) == refused("SIGNATURE")
    assert await post(good.replace("CP1-ED25519", "CP1-HMAC-SHA256")) == refused("ALGORITHM")
    assert await post("CP1-ED25519 nonsense") == refused("MALFORMED")
    assert await post("") == refused("MISSING")
    assert await lending.rewards.sql("SELECT FROM rewards.loan_quote") == []
    assert (await post(good))[0] == 201
    assert await post(good) == refused("REPLAYED")
    assert (await post(sign(raw)))[0] == 201  # the same quote again
    assert (await post(sign(more), more))[:2] == (409, "QUOTE_DIFFERS")
    late = json.dumps({**body, "quote_id": "Q-2", "expires_at": clock.now().isoformat()}).encode()
    assert (await post(sign(late), late))[:2] == (409, "QUOTE_EXPIRED")
    long = json.dumps({**body, "quote_id": "Q-3", "expires_at": (clock.now() + timedelta(days=2)).isoformat()}).encode()
    assert (await post(sign(long), long))[:2] == (422, "QUOTE_TOO_LONG")
    nosy = json.dumps({**body, "quote_id": "Q-4", "loan_no": "6222-0001"}).encode()
    assert (await post(sign(nosy), nosy))[0] == 422


async def test_two_banks_know_a_citizen_by_different_names_and_only_their_own_offsets(lending: Lending) -> None:
    rewards, key = lending.rewards, Ed25519PrivateKey.generate()
    other = {"bank_id": "other", "app_key": "bk-other-1", "algorithm": "CP1-ED25519", "public_key": public_pem(key)}
    terms = {"name_zh": "另一家银行", "name_en": "Other bank", "budget_id": "loans-jiangcheng", "month_fen": 5_000}
    user, quote_id = await offer(lending)
    await lending.operators.by_two("/banks", {**other, **terms, **WHY})
    refs = [bank["customer_ref"] for bank in (await rewards.get("/me/loan-banks", user)).json()["items"]]
    assert len(set(refs)) == 2
    offset_id = (await lending.offset(user, quote_id, KG)).json()["offset_id"]
    stranger = Bank(rewards.client, app_key="bk-other-1", key=key)
    assert (await stranger.send("GET", "/loan-offsets")).json()["items"] == []
    assert code(await stranger.send("POST", f"/loan-offsets/{offset_id}/confirm")) == (404, "OFFSET_NOT_FOUND")
    page = (await lending.bank.send("GET", "/loan-offsets")).json()["items"]
    assert [set(one) & {"user_id", "account_id", "customer_ref"} for one in page] == [set()]


async def test_a_suspended_bank_and_a_revoked_key_take_nothing(lending: Lending) -> None:
    user, quote_id = await offer(lending)
    await lending.operators.did(200, "POST", f"/banks/{BANK_ID}/suspend", WHY)
    assert code(await lending.offset(user, quote_id, KG)) == (409, "LOANS_CLOSED")
    assert code(await lending.bank.send("GET", "/loan-offsets")) == (403, "BANK_SUSPENDED")
    proposal_id = await lending.operators.propose(f"/banks/{BANK_ID}/resume")
    await lending.operators.refused("SECOND_PERSON_NEEDED", "POST", f"/proposals/{proposal_id}/approve", WHY)
    await lending.operators.approve(proposal_id)
    assert (await lending.bank.send("GET", "/loan-offsets")).status_code == 200
    await lending.operators.did(200, "POST", f"/banks/{BANK_ID}/keys/{APP_KEY}/revoke", WHY)
    gone = await lending.bank.send("GET", "/loan-offsets")
    assert (*code(gone), gone.json()["reason_code"]) == (401, "BANK_SIGNATURE_INVALID", "REVOKED")
    assert await lending.operators.audited(BANK_ID) == [
        ("bank.register.propose", "ann"),
        ("bank.register.approve", "bob"),
        ("bank.suspend", "ann"),
        ("bank.resume.propose", "ann"),
        ("bank.resume.approve", "bob"),
    ]


async def test_terms_and_keys_change_by_two_and_never_an_offset_that_was_placed(lending: Lending) -> None:
    user, quote_id = await offer(lending)
    placed = (await lending.offset(user, quote_id, 10 * KG)).json()
    key = Ed25519PrivateKey.generate()
    second = {"app_key": "bk-jiangcheng-2", "algorithm": "CP1-ED25519", "public_key": public_pem(key)}
    await lending.operators.by_two(f"/banks/{BANK_ID}/keys", {**second, **WHY})
    rotated = Bank(lending.rewards.client, app_key="bk-jiangcheng-2", key=key)
    assert (await rotated.send("GET", "/loan-offsets")).status_code == 200
    third = {**second, "app_key": "bk-jiangcheng-3", **WHY}
    await lending.operators.refused("TOO_MANY_BANK_KEYS", "POST", f"/banks/{BANK_ID}/keys", third)
    bad = {**second, "app_key": "bk-jiangcheng-4", "public_key": "x" * 64, **WHY}
    await lending.operators.refused("BANK_KEY_UNUSABLE", "POST", f"/banks/{BANK_ID}/keys", bad)
    detail = await lending.operators.did(200, "GET", f"/banks/{BANK_ID}")
    terms = {name: detail[name] for name in ("name_zh", "name_en", "budget_id", "month_fen", "answer_hours")}
    await lending.operators.by_two(f"/banks/{BANK_ID}/terms", {**terms, "fen_per_kg": 100, **WHY})
    assert (await lending.operators.did(200, "GET", f"/banks/{BANK_ID}"))["fen_per_kg"] == 100
    shown = (await lending.rewards.get(f"/loan-offsets/{placed['offset_id']}", user)).json()
    assert (shown["interest_fen"], shown["amount_mg"]) == (2_000, 10 * KG)


async def test_operators_settle_a_month_by_what_banks_confirmed(lending: Lending) -> None:
    for grams in (45, 10, 5):
        user, quote_id = await offer(lending)
        await lending.offset(user, quote_id, grams * KG)
    waiting = await lending.operators.did(200, "GET", "/loan-offsets?bank_status=waiting")
    assert [one["interest_fen"] for one in waiting["items"]] == [9_000, 2_000, 1_000]
    await lending.bank.send("POST", f"/loan-offsets/{waiting['items'][2]['offset_id']}/refuse")
    await lending.work()
    month = f"{clock.local_date(clock.now(), 'Asia/Shanghai'):%Y-%m}"
    found = await lending.operators.did(200, "GET", f"/loan-settlements?month={month}&bank_id={BANK_ID}")
    assert (found["offsets"], found["interest_fen"], found["amount_mg"]) == (2, 11_000, 55 * KG)
    sheet = await lending.operators.call("GET", f"/loan-settlements.csv?month={month}")
    lines = sheet.text.split("\r\n")
    assert lines[0] == "bank_id,budget_id,day,offsets,amount_mg,interest_fen"
    assert lines[-2] == f"total,,{month},2,{55 * KG},11000"
    assert (await lending.operators.did(200, "GET", "/loan-settlements?month=2020-01"))["items"] == []
    assert await lending.budget() == (0, 11_000)
