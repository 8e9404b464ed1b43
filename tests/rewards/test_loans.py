"""Loan interest: a bank's signed quote, grams for it, and the bank's answer. What comes back comes back once."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from urllib.parse import quote

import pytest

from services.rewards.loans import service as loans
from services.rewards.loans.domain import fen_of, mg_of
from shared import clock
from shared.contracts.identity import person_account_id
from tests.cursors import FORGED, POSSIBLE
from tests.rewards.conftest import API, Rewards
from tests.rewards.fake_accounting import REQUEST_LOST, RESPONSE_LOST, UNAVAILABLE
from tests.rewards.loans import BANK_ID, KG, Lending, code, offer, open_bank
from tests.rewards.test_erasures import answers as erasure_answers
from tests.rewards.test_erasures import ask as ask_erasure
from tests.rewards.test_erasures import run as erase
from tests.rewards.test_settlement import dying_at


@pytest.fixture
async def lending(rewards: Rewards) -> AsyncIterator[Lending]:
    async with open_bank(rewards) as lending:
        await lending.register()
        yield lending


@pytest.mark.parametrize(
    ("amount_mg", "fen", "taken_mg"),
    [(45 * KG, 9_000, 45 * KG), (13_337_500, 2_667, 13_335_000), (2_400, 0, 0), (4_999, 0, 0), (5_000, 1, 5_000)],
)
def test_grams_become_whole_fen_and_only_what_they_need_is_taken(amount_mg: int, fen: int, taken_mg: int) -> None:
    assert fen_of(amount_mg, 200) == fen
    assert mg_of(fen, 200) == taken_mg


async def test_an_offset_from_the_quote_to_the_banks_confirmation(lending: Lending) -> None:
    rewards, user = lending.rewards, lending.rewards.citizen(50 * KG)
    loan_no = await lending.borrow(user, 9_000)
    quote_id = await lending.quote(loan_no)
    (shown,) = (await rewards.get("/me/loan-quotes", user)).json()["items"]
    assert (shown["quote_id"], shown["interest_fen"], shown["max_mg"]) == (quote_id, 9_000, 45 * KG)
    placed = await lending.offset(user, quote_id, 13_337_500)
    assert code(placed) == (201, "accepted")
    offset = placed.json()
    assert (offset["amount_mg"], offset["interest_fen"]) == (13_335_000, 2_667)
    assert rewards.balance_mg(user) == 50 * KG - 13_335_000
    assert rewards.ledger.accounts == {"redeemed:jiangcheng": 13_335_000}
    assert await lending.budget() == (0, 2_667)
    assert (await rewards.get("/me/loan-quotes", user)).json()["items"] == []
    assert await lending.work() == {quote_id: "confirmed"}
    assert await lending.status(user, offset["offset_id"]) == "confirmed"
    assert (await lending.page.get(f"/loans/{loan_no}")).json() == {"due_fen": 9_000 - 2_667}
    assert await lending.work() == {}
    (own,) = (await rewards.get("/me/loan-offsets", user)).json()["items"]
    assert own["offset_id"] == offset["offset_id"]
    assert (await rewards.get(f"/loan-offsets/{offset['offset_id']}", rewards.citizen())).status_code == 404
    (bank,) = (await rewards.get("/me/loan-banks", user)).json()["items"]
    assert bank["left_this_month_fen"] == 20_000 - 2_667
    title = rewards.ledger.titles[uuid.UUID(offset["offset_id"])]
    assert title is not None
    assert title.zh == "江城示范银行"


async def test_what_the_bank_refuses_comes_back_whole_and_once(lending: Lending) -> None:
    rewards = lending.rewards
    user = rewards.citizen(50 * KG)
    loan_no = await lending.borrow(user)
    quote_id = await lending.quote(loan_no)
    offset_id = (await lending.offset(user, quote_id, 45 * KG)).json()["offset_id"]
    lending.bank.loans[loan_no].is_closed = True
    assert await lending.work() == {quote_id: "refused"}
    again = await lending.bank.send("POST", f"/loan-offsets/{offset_id}/refuse")
    assert (again.status_code, again.json()["bank_status"]) == (200, "refused")
    late = await lending.bank.send("POST", f"/loan-offsets/{offset_id}/confirm")
    assert code(late) == (409, "OFFSET_DECIDED")
    assert late.json()["bank_status"] == "refused"
    assert rewards.balance_mg(user) == 50 * KG
    assert await lending.budget() == (0, 0)
    own = (await rewards.get(f"/loan-offsets/{offset_id}", user)).json()
    assert (own["status"], own["reason_code"]) == ("cancelled", "BANK_REFUSED")
    (bank,) = (await rewards.get("/me/loan-banks", user)).json()["items"]
    assert bank["left_this_month_fen"] == 20_000
    assert code(await lending.offset(user, quote_id, KG)) == (409, "QUOTE_USED")


async def test_a_bank_that_is_silent_too_long_loses_the_offset(lending: Lending) -> None:
    rewards = lending.rewards
    user, quote_id = await offer(lending)
    offset_id = (await lending.offset(user, quote_id, 45 * KG)).json()["offset_id"]
    async with rewards.database.transaction() as session:
        await loans.void_unanswered(session)
    assert await lending.status(user, offset_id) == "accepted"
    await rewards.sql("UPDATE rewards.loan_offset SET answer_by = now() - interval '1 s'")
    for _ in range(2):
        async with rewards.database.transaction() as session:
            await loans.void_unanswered(session)
    assert await lending.status(user, offset_id) == "cancelling"
    await rewards.sql("UPDATE rewards.loan_offset SET next_attempt_at = now()")
    await rewards.drive_due()
    own = (await rewards.get(f"/loan-offsets/{offset_id}", user)).json()
    assert (own["status"], own["reason_code"]) == ("cancelled", "BANK_SILENT")
    assert rewards.balance_mg(user) == 50 * KG
    assert await lending.budget() == (0, 0)
    assert await lending.work() == {}
    late = await lending.bank.send("POST", f"/loan-offsets/{offset_id}/confirm")
    assert code(late) == (409, "OFFSET_DECIDED")


async def test_confirmation_refusal_and_silence_at_once_have_one_end(lending: Lending) -> None:
    rewards, ends = lending.rewards, Counter[str]()
    for _ in range(25):
        user, quote_id = await offer(lending)
        offset_id = (await lending.offset(user, quote_id, 2 * KG)).json()["offset_id"]
        await rewards.sql("UPDATE rewards.loan_offset SET answer_by = now() WHERE bank_status = 'waiting'")

        async def be_silent() -> None:
            async with rewards.database.transaction() as session:
                await loans.void_unanswered(session)

        answers = await asyncio.gather(
            lending.bank.send("POST", f"/loan-offsets/{offset_id}/confirm"),
            lending.bank.send("POST", f"/loan-offsets/{offset_id}/refuse"),
            be_silent(),
        )
        await rewards.sql("UPDATE rewards.loan_offset SET next_attempt_at = now() WHERE status = 'returning'")
        await rewards.drive_due()
        status = await lending.status(user, offset_id)
        ends[status] += 1
        assert (answers[0].status_code == 200) == (status == "confirmed")
        assert rewards.balance_mg(user) == (48 if status == "confirmed" else 50) * KG
    assert await lending.budget() == (0, 400 * ends["confirmed"])
    assert set(ends) <= {"confirmed", "cancelled"}


async def test_a_quote_works_once_also_when_many_use_it_at_once(lending: Lending) -> None:
    user, quote_id = await offer(lending, 200 * KG)
    answers = await asyncio.gather(*(lending.offset(user, quote_id, 10 * KG) for _ in range(12)))
    found = Counter(code(answer) for answer in answers)
    assert found == {(201, "accepted"): 1, (409, "QUOTE_USED"): 11}
    assert lending.rewards.balance_mg(user) == 190 * KG
    assert await lending.budget() == (0, 2_000)


async def test_a_repeated_request_is_answered_again(lending: Lending) -> None:
    user, quote_id = await offer(lending)
    first = await lending.offset(user, quote_id, 45 * KG, key="one-key-of-a-citizen")
    again = await lending.offset(user, quote_id, 45 * KG, key="one-key-of-a-citizen")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    other = await lending.offset(user, quote_id, 44 * KG, key="one-key-of-a-citizen")
    assert code(other) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_quote_of_somebody_else_is_not_there(lending: Lending) -> None:
    _, quote_id = await offer(lending)
    thief = lending.rewards.citizen(50 * KG)
    assert code(await lending.offset(thief, quote_id, KG)) == (404, "QUOTE_NOT_FOUND")
    assert code(await lending.offset(thief, "Q-unknown", KG)) == (404, "QUOTE_NOT_FOUND")
    assert code(await lending.offset(thief, quote_id, KG, bank_id="nobody-such")) == (404, "QUOTE_NOT_FOUND")
    assert (await lending.rewards.get("/me/loan-quotes", thief)).json()["items"] == []
    assert lending.rewards.balance_mg(thief) == 50 * KG


async def test_refusals_take_nothing_and_say_what_would_do(lending: Lending) -> None:
    user, quote_id = await offer(lending)
    small = await lending.offset(user, quote_id, 2_400)
    assert (*code(small), small.json()["min_mg"]) == (422, "OFFSET_TOO_SMALL", 5_000)
    much = await lending.offset(user, quote_id, 46 * KG)
    assert (*code(much), much.json()["max_mg"]) == (409, "INTEREST_EXCEEDED", 45 * KG)
    await lending.rewards.sql("UPDATE rewards.loan_quote SET expires_at = now()")
    assert code(await lending.offset(user, quote_id, KG)) == (409, "QUOTE_EXPIRED")
    poor, other = await offer(lending, 5_000)
    assert code(await lending.offset(poor, other, KG)) == (409, "INSUFFICIENT_BALANCE")
    frozen, third = await offer(lending)
    lending.rewards.ledger.frozen.add(person_account_id(frozen))
    assert code(await lending.offset(frozen, third, KG)) == (409, "ACCOUNT_FROZEN")
    assert lending.rewards.balance_mg(user) == 50 * KG
    assert await lending.budget() == (0, 0)
    # A refusal leaves the quote free.
    assert code(await lending.offset(poor, other, 5_000)) == (201, "accepted")
    for amount in (0, -1, 1.5, "1", 10**16):
        body = {"bank_id": BANK_ID, "quote_id": other, "amount_mg": amount}
        answer = await lending.rewards.client.post(
            f"{API}/loan-offsets",
            json=body,
            headers={**lending.rewards.tokens.citizen(poor), "Idempotency-Key": str(uuid.uuid4())},
        )
        assert answer.status_code == 422, amount


async def test_a_person_stays_within_the_limit_of_a_month(lending: Lending) -> None:
    user = lending.rewards.citizen(1_000 * KG)
    quotes = [await lending.quote(await lending.borrow(user, 9_000)) for _ in range(4)]
    answers = await asyncio.gather(*(lending.offset(user, quote_id, 40 * KG) for quote_id in quotes))
    found = Counter(code(answer) for answer in answers)
    assert found == {(201, "accepted"): 2, (409, "LOAN_LIMIT_REACHED"): 2}
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["left_fen"] == 4_000
    assert await lending.budget() == (0, 16_000)


async def test_a_budget_that_is_used_up_pays_no_more(rewards: Rewards) -> None:
    async with open_bank(rewards) as lending:
        await lending.register(limit_fen=9_500)
        offers = [await offer(lending) for _ in range(6)]
        answers = await asyncio.gather(*(lending.offset(user, quote_id, 15 * KG) for user, quote_id in offers))
        found = Counter(code(answer) for answer in answers)
        assert found == {(201, "accepted"): 3, (409, "BUDGET_EXHAUSTED"): 3}
        assert await lending.budget() == (0, 9_000)


@pytest.mark.parametrize("fault", [REQUEST_LOST, RESPONSE_LOST, UNAVAILABLE])
async def test_a_spend_without_an_answer_ends_as_an_order_does(lending: Lending, fault: str) -> None:
    rewards = lending.rewards
    user, quote_id = await offer(lending)
    rewards.network.faults = {"spend": fault}
    placed = await lending.offset(user, quote_id, 45 * KG)
    assert code(placed) == (202, "pending")
    assert (await lending.bank.send("GET", "/loan-offsets")).json()["items"] == []
    rewards.network.faults = {}
    await rewards.sql("UPDATE rewards.loan_offset SET next_attempt_at = now()")
    await rewards.drive_due()
    assert await lending.status(user, placed.json()["offset_id"]) == "accepted"
    assert rewards.balance_mg(user) == 5 * KG
    assert await lending.work() == {quote_id: "confirmed"}


async def test_a_return_that_dies_at_any_point_gives_everything_back_once(lending: Lending) -> None:
    rewards = lending.rewards
    for point in range(1, 20):
        user, quote_id = await offer(lending)
        offset_id = (await lending.offset(user, quote_id, 45 * KG)).json()["offset_id"]
        refuse = partial(lending.bank.send, "POST", f"/loan-offsets/{offset_id}/refuse")
        passed = await dying_at(rewards, point, refuse)
        await refuse()  # the bank got no answer
        await rewards.sql("UPDATE rewards.loan_offset SET next_attempt_at = now() WHERE status = 'returning'")
        await rewards.drive_due()
        assert await lending.status(user, offset_id) == "cancelled"
        assert rewards.balance_mg(user) == 50 * KG
        assert await lending.budget() == (0, 0)
        if len(passed) < point:
            break
    assert 8 <= len(passed) < point


async def test_erasure_waits_for_the_bank_and_then_forgets_the_request(lending: Lending) -> None:
    rewards = lending.rewards
    user, quote_id = await offer(lending)
    assert (await lending.offset(user, quote_id, KG, key="a-key-to-forget")).status_code == 201
    await ask_erasure(rewards, user)
    await erase(rewards)
    assert await erasure_answers(rewards) == []
    await lending.work()
    await rewards.sql("UPDATE rewards.erasure_task SET next_at = now()")
    await erase(rewards)
    assert len(await erasure_answers(rewards)) == 1
    (row,) = await rewards.sql("SELECT idempotency_key, request_id, quote_id, cost_fen FROM rewards.loan_offset")
    assert (row["request_id"], row["quote_id"], row["cost_fen"]) == ("", quote_id, 200)
    assert row["idempotency_key"] != "a-key-to-forget"


async def test_nothing_of_a_quote_is_kept_but_its_reference(lending: Lending) -> None:
    user, quote_id = await offer(lending)
    await lending.offset(user, quote_id, KG)
    await lending.rewards.sql("UPDATE rewards.loan_quote SET expires_at = now() - interval '2 days'")
    async with lending.rewards.database.transaction() as session:
        await loans.delete_old_quotes(session)
    assert await lending.rewards.sql("SELECT FROM rewards.loan_quote") == []
    # The bank cannot bring a used quote back to life.
    loan = next(iter(lending.bank.loans.values()))
    body = {
        "quote_id": quote_id,
        "customer_ref": loan.customer_ref,
        "interest_fen": 9_000,
        "expires_at": (clock.now() + timedelta(minutes=5)).isoformat(),
    }
    assert (await lending.bank.send("POST", "/loan-quotes", body)).status_code == 201
    assert code(await lending.offset(user, quote_id, KG)) == (409, "QUOTE_USED")


async def test_the_stock_check_counts_the_fen_of_offsets(lending: Lending) -> None:
    user, quote_id = await offer(lending)
    await lending.offset(user, quote_id, 45 * KG)
    assert (await lending.rewards.stock_check())["ok"]
    await lending.rewards.sql("UPDATE rewards.loan_month SET taken_fen = taken_fen - 1")
    check = await lending.rewards.stock_check()
    assert (check["ok"], check["limits_differing"]) == (False, 1)
    await lending.rewards.sql("UPDATE rewards.loan_month SET taken_fen = taken_fen + 1")


async def test_b6_the_list_of_a_bank_refuses_a_forged_cursor(lending: Lending) -> None:
    for cursor in FORGED:
        answer = await lending.bank.send("GET", f"/loan-offsets?cursor={quote(cursor, safe='')}")
        if cursor in POSSIBLE and answer.status_code == 200:
            continue
        assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_REQUEST"), cursor
