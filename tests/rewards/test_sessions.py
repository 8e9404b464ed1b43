"""Whoever has logged out spends nothing, although the access token is still valid."""

import asyncio

import pytest

from tests.rewards.conftest import PRICE_MG, Rewards


async def test_c6_an_order_after_log_out_is_refused_and_takes_nothing(rewards: Rewards) -> None:
    await rewards.add_item(per_user_limit=None)
    user = rewards.citizen(2 * PRICE_MG)
    assert (await rewards.order(user)).status_code == 201
    rewards.accounts.ended.add(str(user))
    refused = await rewards.order(user)
    assert (refused.status_code, refused.json()["code"]) == (401, "SESSION_ENDED")
    assert refused.json()["retryable"] is False
    assert rewards.balance_mg(user) == PRICE_MG
    # Reading goes on until the token expires.
    assert (await rewards.get("/me/orders", user)).status_code == 200


async def test_c6_a_donation_after_log_out_is_refused(rewards: Rewards) -> None:
    await rewards.add_campaign()
    user = rewards.citizen()
    rewards.accounts.ended.add(str(user))
    refused = await rewards.donate(user, 1_000_000)
    assert (refused.status_code, refused.json()["code"]) == (401, "SESSION_ENDED")
    assert rewards.balance_mg(user) == PRICE_MG


async def test_c6_a_repeat_of_an_order_after_log_out_is_refused(rewards: Rewards) -> None:
    await rewards.add_item()
    user = rewards.citizen()
    assert (await rewards.order(user, key="the-same-key")).status_code == 201
    rewards.accounts.ended.add(str(user))
    assert (await rewards.order(user, key="the-same-key")).json()["code"] == "SESSION_ENDED"


@pytest.mark.parametrize("what", ["order", "donation"])
async def test_c6_without_an_answer_of_accounts_nothing_is_spent(rewards: Rewards, what: str) -> None:
    await rewards.add_item()
    await rewards.add_campaign()
    user = rewards.citizen()
    rewards.accounts.down = True
    refused = await (rewards.order(user, key="kept-key-1") if what == "order" else rewards.donate(user, 1_000_000))
    assert (refused.status_code, refused.json()["retryable"]) == (503, True)
    assert int(refused.headers["retry-after"]) >= 1
    assert rewards.balance_mg(user) == PRICE_MG
    rewards.accounts.down = False
    if what == "order":
        assert (await rewards.order(user, key="kept-key-1")).status_code == 201


async def test_c6_questions_of_a_crowd_go_together(rewards: Rewards) -> None:
    await rewards.add_item(stock=40, per_user_limit=None)
    users = [rewards.citizen() for _ in range(40)]
    rewards.accounts.ended.add(str(users[7]))
    answers = await asyncio.gather(*(rewards.order(user) for user in users))
    assert [answer.status_code for answer in answers].count(401) == 1
    assert answers[7].json()["code"] == "SESSION_ENDED"
    calls = rewards.accounts.sizes.total()
    assert calls < 20, rewards.accounts.sizes
    assert sum(size * count for size, count in rewards.accounts.sizes.items()) == 40
