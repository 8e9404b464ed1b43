"""Orders and donations from the grams of a household or of a family card."""

import uuid
from collections.abc import Callable

from shared.contracts.holds import SpendRequest
from shared.contracts.identity import household_account_id, person_account_id
from tests.rewards.conftest import PRICE_MG, Rewards
from tests.rewards.fake_accounting import REQUEST_LOST


def household(rewards: Rewards, balance_mg: int = PRICE_MG) -> uuid.UUID:
    account_id = household_account_id(uuid.uuid4())
    rewards.ledger.balances[account_id] = balance_mg
    rewards.ledger.rule = lambda asked: None
    return account_id


def refusing(code: str) -> Callable[[SpendRequest], str]:
    return lambda _asked: code


async def test_an_order_spends_the_grams_of_the_household_and_names_the_spender(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=None)
    user, home, agreement_id = rewards.citizen(), household(rewards), str(uuid.uuid4())
    answer = await rewards.order(user, account_id=str(home), agreement_id=agreement_id)
    assert answer.status_code == 201, answer.text
    order_id = uuid.UUID(answer.json()["order_id"])
    spender = rewards.ledger.spenders[order_id]
    assert spender is not None
    assert spender.model_dump(mode="json") == {
        "account_id": str(person_account_id(user)),
        "about": "order:reganmian",
        "agreement_id": agreement_id,
    }
    assert rewards.ledger.balances[home] == 0
    assert rewards.balance_mg(user) == PRICE_MG
    assert [one["order_id"] for one in (await rewards.get("/me/orders", user)).json()["items"]] == [str(order_id)]
    assert (await rewards.get(f"/me/vouchers/{answer.json()['vouchers'][0]['voucher_id']}", user)).status_code == 200
    assert (await rewards.cancel(user, str(order_id))).status_code == 200
    assert rewards.ledger.balances[home] == PRICE_MG


async def test_the_own_account_by_name_needs_no_permission(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen()
    answer = await rewards.order(user, account_id=str(person_account_id(user)))
    assert answer.status_code == 201, answer.text
    assert rewards.ledger.spenders == {uuid.UUID(answer.json()["order_id"]): None}


async def test_refusals_of_accounting_are_told_and_final(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=None)
    user, home = rewards.citizen(), household(rewards)
    for code in ("SPENDER_NOT_ALLOWED", "MONTHLY_LIMIT_REACHED", "AGREEMENT_REQUIRED"):
        rewards.ledger.rule = refusing(code)
        key = str(uuid.uuid4())
        answer = await rewards.order(user, key=key, account_id=str(home))
        assert (answer.status_code, answer.json()["code"]) == (409, code)
        rewards.ledger.rule = lambda asked: None
        again = await rewards.order(user, key=key, account_id=str(home))
        assert again.json()["code"] == code
        assert again.headers["idempotent-replayed"] == "true"
    assert rewards.ledger.balances[home] == PRICE_MG
    assert await rewards.stock() == {"available": 5, "reserved": 0, "sold": 0}


async def test_a_donation_of_the_household_is_certified(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user, home = rewards.citizen(0), household(rewards, 2_000_000)
    answer = await rewards.donate(user, 2_000_000, account_id=str(home))
    assert answer.status_code == 201, answer.text
    spender = rewards.ledger.spenders[uuid.UUID(answer.json()["donation_id"])]
    assert spender is not None
    assert spender.about == "donation:zero-carbon-marathon"


async def test_one_key_for_another_account_is_refused(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=None)
    user, home = rewards.citizen(), household(rewards)
    key = str(uuid.uuid4())
    assert (await rewards.order(user, key=key, account_id=str(home))).status_code == 201
    answer = await rewards.order(user, key=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_the_worker_finishes_a_household_order_with_its_spender(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=None)
    user, home = rewards.citizen(), household(rewards)
    rewards.network.faults = {"spend": REQUEST_LOST}
    answer = await rewards.order(user, account_id=str(home))
    assert answer.status_code == 202, answer.text
    rewards.network.faults = {}
    await rewards.work()
    spender = rewards.ledger.spenders[uuid.UUID(answer.json()["order_id"])]
    assert spender is not None
    assert spender.account_id == person_account_id(user)
    assert rewards.ledger.balances[home] == 0
