"""Concurrent writers over the same households: the people of a household belong to several writers."""

import asyncio
import random
from datetime import timedelta

import asyncpg

from shared.contracts.activities_v1 import ActivityReported
from tests.accounting.driver import Accounting
from tests.accounting.households.homes import MONTHLY_MG, TOGETHER_A_DAY, family, publish, ride, saving, unpublish
from tests.accounting.reports import PARTNER, YESTERDAY, cancel, correct
from tests.databases import Dsns

HOMES, MEMBERS, WRITERS, ROUNDS = 4, 6, 8, 8


async def fullest_counters(dsns: Dsns) -> dict[str, tuple[int, int]]:
    """Return by cap the most acts and milligrams that any subject has used in a period."""
    connection = await asyncpg.connect(dsns.admin)
    used = await connection.fetch(
        "SELECT cap_id, max(acts) AS acts, max(amount_mg) AS mg FROM accounting.cap_usage"
        " WHERE cap_id LIKE 'home%' GROUP BY 1"
    )
    await connection.close()
    return {row["cap_id"]: (row["acts"], row["mg"]) for row in used}


async def test_writers_over_the_same_households_never_deadlock(accounting: Accounting, accounting_dsns: Dsns) -> None:
    """People of different partitions share households. Batches, corrections and releases run concurrently."""
    await publish(accounting.database)
    homes = [await family(accounting, MEMBERS) for _ in range(HOMES)]
    for number, (home, _) in enumerate(homes):
        await home.register(f"meter-{number}")
    # Each writer has its own people, like a partition. Every household has people of several writers.
    everyone = [(person, number) for number, (_, people) in enumerate(homes) for person in people]
    strangers = [await accounting.citizen("another-partner") for _ in range(HOMES)]
    for (home, _), stranger in zip(homes, strangers, strict=True):
        await home.enter(stranger)
    writing = WRITERS

    def batch(writer: int, round_: int, rng: random.Random) -> list[ActivityReported]:
        found = []
        for person, number in rng.sample(everyone[writer::WRITERS], HOMES * MEMBERS // WRITERS):
            for hour in range(3):
                at = YESTERDAY - timedelta(days=round_, hours=-8 - hour)
                act = ride(person, at) if rng.random() < 0.7 else saving(person, f"meter-{number}", at)
                found.append(act)
                fate = rng.random()
                if fate < 0.2:
                    found.append(cancel(person, act))
                elif fate < 0.3:
                    found.append(correct(person, act, ride(person, at + timedelta(hours=5))))
        stranger = strangers[writer % HOMES]
        return [*found, ride(stranger, YESTERDAY - timedelta(days=round_, hours=writer))]

    async def write(writer: int) -> None:
        nonlocal writing
        rng = random.Random(writer)
        for round_ in range(ROUNDS):
            await accounting.post(*batch(writer, round_, rng))
        writing -= 1

    async def sweep() -> None:
        while writing:
            await accounting.release()
            await asyncio.sleep(0.01)

    async def bind() -> None:
        for stranger in strangers:
            await asyncio.sleep(0.2)
            await accounting.bind(stranger, PARTNER)

    async with asyncio.TaskGroup() as group:  # the first failure ends them all
        for work in (*(write(writer) for writer in range(WRITERS)), sweep(), sweep(), bind()):
            group.create_task(work)
    for _left_over in range(5):
        await accounting.release()
    fullest = await fullest_counters(accounting_dsns)
    assert fullest["home_bus.daily_together"][0] == TOGETHER_A_DAY  # reached, and never passed
    assert fullest["home_power.meter"][0] == 1
    assert fullest["home_power.monthly"][1] <= MONTHLY_MG
    await unpublish(accounting_dsns)
