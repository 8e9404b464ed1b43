"""The projection of verdicts on a real database: any order, replays, reversals, two consumers at once."""

import asyncio
import random
import uuid
from datetime import timedelta

import msgspec
import pytest

from services.rewards.recognition import service as recognition
from shared.contracts.outcomes_v1 import ActivityJudged
from shared.db import Database
from tests.rewards.conftest import Rewards
from tests.rewards.recognition.acts import (
    RIDE_MG,
    ZONE,
    account_of,
    consume,
    days_before,
    judged,
    reversal,
    rides,
    sums,
    today,
)


def story(chance: random.Random, people: list[uuid.UUID], acts: int) -> list[ActivityJudged]:
    """Acts with their later verdicts: credits that vest, reversals, acts that were refused first, copies."""
    found: list[ActivityJudged] = []
    for _ in range(acts):
        day = today() - timedelta(days=chance.randint(0, 40))
        scene = chance.choice(["metro", "bus", "bike"])
        who = chance.choice(people)
        amount_mg = chance.randint(1, 5) * 50_000
        kind = chance.choice(["plain", "vesting", "reversed", "vested, reversed", "late", "copy"])
        first = judged(who, day=day, scene=scene, amount_mg=amount_mg)
        if kind == "plain":
            found.append(first)
        elif kind == "copy":
            copy = judged(None, activity_id=first.activity_id, status="duplicate")
            found += [first, copy]
        elif kind == "late":
            parked = judged(None, activity_id=first.activity_id, status="parked")
            found += [parked, judged(who, activity_id=first.activity_id, day=day, scene=scene, sequence=2)]
        elif kind == "reversed":
            found += [first, reversal(first)]
        else:
            pending = judged(who, day=day, scene=scene, amount_mg=amount_mg, status="pending")
            vested = judged(
                who, activity_id=pending.activity_id, scene=scene, amount_mg=amount_mg, sequence=2, has_time=False
            )
            found += [pending, vested]
            if kind == "vested, reversed":
                found.append(reversal(vested))
    return found


async def test_sums_are_the_same_in_any_order_and_after_replays(rewards: Rewards) -> None:
    chance = random.Random(20261128)
    people = [uuid.uuid4() for _ in range(5)]
    verdicts = story(chance, people, 150)
    await consume(rewards, verdicts)
    expected = await sums(rewards)
    assert len(expected["earned_total"]) == 5
    await consume(rewards, verdicts[:100])
    assert await sums(rewards) == expected
    for _ in range(3):
        await rewards.start_over()
        again = [*verdicts, *chance.sample(verdicts, 60)]
        chance.shuffle(again)
        while again:
            poll, again = again[:37], again[37:]
            await consume(rewards, poll)
        assert await sums(rewards) == expected


async def test_a_reversed_act_leaves_no_trace_in_the_sums(rewards: Rewards) -> None:
    anna = uuid.uuid4()
    kept, taken = judged(anna, day=today() - timedelta(days=1)), judged(anna)
    await consume(rewards, [kept])
    expected = await sums(rewards)
    await consume(rewards, [taken])
    assert await sums(rewards) != expected
    await consume(rewards, [reversal(taken)])
    assert await sums(rewards) == expected
    await consume(rewards, [reversal(kept)])
    assert await sums(rewards) == {"earned_day": [], "earned_scene": [], "earned_total": []}


async def test_what_was_refused_or_earned_nothing_does_not_count(rewards: Rewards) -> None:
    anna = uuid.uuid4()
    await consume(
        rewards,
        [
            judged(anna, status="refused", amount_mg=0),
            judged(anna, status="parked", amount_mg=0),
            judged(anna, status="credited", amount_mg=0),
        ],
    )
    assert (await sums(rewards))["earned_total"] == []
    assert await rewards.sql("SELECT 1 FROM rewards.recognised_act") == []


async def test_the_day_of_an_act_is_that_of_wuhan(rewards: Rewards) -> None:
    anna = uuid.uuid4()
    late = judged(anna, day=today())
    assert late.occurred_at is not None
    before_midnight = late.occurred_at.replace(hour=15, minute=59)  # 23:59 in Asia/Shanghai
    await consume(
        rewards,
        [
            msgspec.structs.replace(late, occurred_at=before_midnight),
            msgspec.structs.replace(judged(anna), occurred_at=before_midnight + timedelta(minutes=1)),
        ],
    )
    days = [row[1] for row in (await sums(rewards))["earned_day"]]
    assert days == [today(), today() + timedelta(days=1)]


async def test_a_late_event_mends_a_streak_and_a_reversal_breaks_it(rewards: Rewards) -> None:
    anna = rewards.citizen()
    days = days_before(today(), 9)
    gap = days[4]
    await consume(rewards, rides(account_of(anna), [day for day in days if day != gap]))
    assert (await rewards.get("/me/streak", anna)).json() == {
        "current_days": 4, "longest_days": 4, "last_day": str(today()),
    }  # fmt: skip
    late = judged(account_of(anna), day=gap, scene="bike")
    await consume(rewards, [late])
    assert (await rewards.get("/me/streak", anna)).json()["current_days"] == 9
    await consume(rewards, [reversal(late)])
    assert (await rewards.get("/me/streak", anna)).json()["longest_days"] == 4


@pytest.mark.parametrize(("last", "current"), [(0, 3), (1, 3), (2, 0)])
async def test_a_streak_goes_on_until_a_whole_day_is_missed(rewards: Rewards, last: int, current: int) -> None:
    anna = rewards.citizen()
    await consume(rewards, rides(account_of(anna), days_before(today() - timedelta(days=last), 3)))
    found = (await rewards.get("/me/streak", anna)).json()
    assert (found["current_days"], found["longest_days"]) == (current, 3)


async def test_nobody_without_acts_has_a_streak(rewards: Rewards) -> None:
    assert (await rewards.get("/me/streak", rewards.citizen())).json() == {
        "current_days": 0, "longest_days": 0, "last_day": None,
    }  # fmt: skip


async def test_consumers_that_meet_at_one_account_lose_nothing(rewards: Rewards) -> None:
    """Two partners report the same person, on two partitions. Whoever meets a row of the other is repeated."""
    people = [uuid.uuid4() for _ in range(3)]
    polls = [
        [judged(one, scene=scene) for one in people for _ in range(5)] for scene in ("metro", "bus", "bike", "bag")
    ]
    database = Database(rewards.settings.database_url, pool_size=4)

    async def project(poll: list[ActivityJudged]) -> None:
        for _ in range(20):
            try:
                async with database.transaction() as session:
                    await recognition.record_verdicts(session, poll, time_zone=ZONE)
            except Exception:
                continue
            return

    await asyncio.gather(*map(project, polls), *map(project, polls))
    await database.stop()
    totals = (await sums(rewards))["earned_total"]
    assert [(row[1], row[2]) for row in totals] == [(20, 20 * RIDE_MG)] * 3
