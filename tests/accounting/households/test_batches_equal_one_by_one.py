"""Batches of households equal their events one by one: shared caps, moves between homes, meters, credits of homes.

Each batch has its own two homes and three people, who move between them. A poll of many batches is one transaction.
The other run posts the n-th events of all batches together, so no home has two events in one transaction.
"""

import random
from datetime import timedelta
from itertools import zip_longest

from shared.contracts.activities_v1 import ActivityReported
from tests.accounting.driver import Accounting
from tests.accounting.households.homes import TOGETHER_A_DAY, Home, publish, ride, saving, unpublish
from tests.accounting.ledger_state import ledger_state
from tests.accounting.reports import YESTERDAY, Reports
from tests.databases import LIBRARY_TABLES, Dsns, empty_tables

BATCHES, IN_ONE_POLL, EVENTS_MAX = 60, 20, 14
MONTH = YESTERDAY.replace(day=1)


async def neighbours(accounting: Accounting, number: int, rng: random.Random) -> list[Reports]:
    """Return three people: one stays, one moves from the first home to the second, one is alone at first."""
    people = [await accounting.citizen() for _ in range(3)]
    first, second = Home(accounting), Home(accounting)
    await first.register(f"{number}-1")
    await second.register(f"{number}-2")
    await first.enter(people[0], people[1])
    moved = MONTH + timedelta(minutes=rng.randrange(-300, 300))
    await first.leave(people[1], moved)
    await second.enter(people[1], at=moved + timedelta(minutes=rng.choice([0, 60])))
    await second.enter(people[2], at=MONTH + timedelta(minutes=rng.randrange(-300, 300)))
    return people


def random_batch(people: list[Reports], number: int, rng: random.Random) -> list[ActivityReported]:
    """Return rides and savings around the end of a month. Some events come twice."""
    reports: list[ActivityReported] = []
    for _ in range(rng.randint(4, EVENTS_MAX)):
        person, kind = rng.choice(people), rng.random()
        at = MONTH + timedelta(minutes=rng.randrange(-300, 300, 25))
        if reports and kind < 0.1:
            reports.append(rng.choice(reports))
        elif kind < 0.35:
            meter = rng.choice([f"{number}-1", f"{number}-1", f"{number}-2", None])
            reports.append(saving(person, meter, at, energy_wh=rng.choice([500, 5000])))
        else:
            reports.append(ride(person, at))
    return reports


async def test_batches_of_households_equal_their_events_one_by_one(
    accounting: Accounting, accounting_dsns: Dsns
) -> None:
    rng = random.Random(20261124)
    await publish(accounting.database)
    crowd = [await neighbours(accounting, number, rng) for number in range(BATCHES)]
    batches = [random_batch(people, number, rng) for number, people in enumerate(crowd)]
    for first in range(0, BATCHES, IN_ONE_POLL):
        await accounting.post(*(report for batch in batches[first : first + IN_ONE_POLL] for report in batch))
    assert (await accounting.check())["ok"]
    at_once = await ledger_state(accounting_dsns)

    kept = [*LIBRARY_TABLES, "binding", "household_member", "household_meter"]
    await empty_tables(accounting_dsns, "accounting", keep=kept)
    for nth in zip_longest(*batches):
        await accounting.post(*(report for report in nth if report is not None))
    assert at_once == await ledger_state(accounting_dsns)
    await unpublish(accounting_dsns)
    verdicts = {(row[2], row[3]) for row in at_once[0]}
    # The batches contain every case in which shared caps could differ.
    assert verdicts >= {
        ("credited", "CREDITED"),
        ("credited", "PARTLY_CAPPED"),
        ("refused", "DAILY_CAP"),
        ("refused", "HOUSEHOLD_REQUIRED"),
        ("refused", "METER_NOT_OF_HOUSEHOLD"),
        ("refused", "METER_UNKNOWN"),
    }
    together = [row[3] for row in at_once[2] if row[1] == "home_bus.daily_together"]
    assert max(together) == TOGETHER_A_DAY
