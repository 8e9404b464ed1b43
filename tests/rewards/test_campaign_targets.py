"""A campaign closes exactly at its target: the last gram is accepted, the next one is refused with one code."""

import asyncio
import random
import uuid
from collections import Counter
from typing import Any

import pytest

from services.rewards.settlement.domain import GIVE_UP_AFTER
from tests.rewards.conftest import Rewards
from tests.rewards.fake_accounting import REQUEST_LOST, RESPONSE_LOST

MARATHON = "zero-carbon-marathon"


async def shown(rewards: Rewards) -> dict[str, Any]:
    found: dict[str, Any] = (await rewards.get(f"/campaigns/{MARATHON}")).json()
    return found


async def give_up_to(rewards: Rewards, user: uuid.UUID, amount_mg: int) -> Counter[str]:
    """Donate, or as much as the campaign still takes. Return the answers."""
    answers: Counter[str] = Counter()
    while True:
        answer = await rewards.donate(user, amount_mg)
        body = answer.json()
        answers[f"{answer.status_code} {body.get('code', body.get('status'))}"] += 1
        if answer.status_code == 201 or not body["rest_mg"]:
            return answers
        amount_mg = body["rest_mg"]


async def test_the_last_gram_is_accepted_and_the_next_one_refused(rewards: Rewards) -> None:
    await rewards.add_campaign(target_mg=10_000)
    user = rewards.citizen(100_000)
    assert (await rewards.donate(user, 6_000)).status_code == 201
    over = await rewards.donate(user, 4_001)
    assert (over.status_code, over.json()["code"], over.json()["rest_mg"]) == (409, "TARGET_EXCEEDED", 4_000)
    before = await shown(rewards)
    assert (before["open"], before["rest_mg"], before["completed_at"]) == (True, 4_000, None)
    assert (await rewards.donate(user, 4_000)).status_code == 201
    full = await rewards.donate(user, 1_000)
    assert (full.status_code, full.json()["code"], full.json()["rest_mg"]) == (409, "TARGET_EXCEEDED", 0)
    after = await shown(rewards)
    assert (after["open"], after["donated_mg"], after["rest_mg"]) == (False, 10_000, 0)
    assert after["completed_at"] is not None
    assert rewards.balance_mg(user) == 90_000


async def test_a_rest_below_the_minimum_is_accepted_as_a_whole(rewards: Rewards) -> None:
    await rewards.add_campaign(target_mg=10_500)
    user = rewards.citizen(100_000)
    assert (await rewards.donate(user, 10_000)).status_code == 201
    for amount_mg in (499, 501):
        assert (await rewards.donate(user, amount_mg)).json()["code"] == "AMOUNT_OUT_OF_RANGE"
    assert (await rewards.donate(user, 500)).status_code == 201
    assert (await shown(rewards))["donated_mg"] == 10_500


async def test_sixty_at_once_close_a_campaign_to_the_milligram(rewards: Rewards) -> None:
    """Some have not enough grams: what was reserved for them is free again."""
    target_mg = 1_234_567
    await rewards.add_campaign(target_mg=target_mg)
    dice = random.Random(7)
    users = [rewards.citizen(0 if number % 9 == 0 else 10**6) for number in range(60)]
    answers: Counter[str] = Counter()
    for _ in range(3):
        wishes = [dice.randrange(1_000, 60_000) for _ in users]
        got = await asyncio.gather(*(rewards.donate(user, wish) for user, wish in zip(users, wishes, strict=True)))
        for answer in got:
            body = answer.json()
            answers[f"{answer.status_code} {body.get('code', body.get('status'))}"] += 1
    for user in users:
        if (await shown(rewards))["rest_mg"]:
            balance_mg = rewards.balance_mg(user)
            if balance_mg >= 1_000:
                await give_up_to(rewards, user, min(balance_mg, 50_000))
    assert set(answers) <= {"201 confirmed", "409 INSUFFICIENT_BALANCE", "409 TARGET_EXCEEDED"}
    found = await shown(rewards)
    assert (found["donated_mg"], found["rest_mg"], found["open"]) == (target_mg, 0, False)
    assert rewards.ledger.accounts == {f"donated:{MARATHON}": target_mg}
    [row] = await rewards.sql("SELECT sum(amount_mg) AS mg, count(*) AS n FROM rewards.certificate")
    [made] = await rewards.sql("SELECT count(*) AS n FROM rewards.donation WHERE status = 'confirmed'")
    assert (row["mg"], row["n"]) == (target_mg, made["n"])


@pytest.mark.parametrize(("fault", "end"), [(REQUEST_LOST, "cancelled"), (RESPONSE_LOST, "confirmed")])
async def test_what_is_under_way_is_reserved_until_it_ends(rewards: Rewards, fault: str, end: str) -> None:
    await rewards.add_campaign(target_mg=5_000)
    slow, quick = rewards.citizen(10_000), rewards.citizen(10_000)
    rewards.network.faults = {"spend": fault}
    placed = await rewards.donate(slow, 5_000)
    assert placed.status_code == 202
    rewards.network.faults = {}
    assert (await rewards.donate(quick, 5_000)).json()["rest_mg"] == 0
    assert (await shown(rewards))["open"] is True  # what is under way may be given up
    await rewards.work(int(GIVE_UP_AFTER.total_seconds()) + 30)
    again = await rewards.donate(quick, 5_000)
    assert again.status_code == (201 if end == "cancelled" else 409)
    assert (await shown(rewards))["donated_mg"] == 5_000


async def test_the_last_grams_go_to_one_of_many(rewards: Rewards) -> None:
    """Thirty-two people want exactly the rest, at the same moment, in several batches."""
    await rewards.add_campaign(target_mg=7_777)
    users = [rewards.citizen(10_000) for _ in range(64)]
    answers = await asyncio.gather(*(rewards.donate(user, 7_777) for user in users))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 63}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"TARGET_EXCEEDED"}
