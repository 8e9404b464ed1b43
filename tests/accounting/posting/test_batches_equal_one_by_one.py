"""A poll posted as one batch equals its events posted one by one, on a real database, around midnights and month ends.

A thousand small batches share ten polls. Each batch has its own person, so batches are independent, and a poll of a
hundred batches is one transaction. The other run posts the n-th events of all people together, so no person has two
events in one transaction.
"""

import random
from datetime import datetime, timedelta
from itertools import zip_longest

from shared.contracts.activities_v1 import ActivityReported
from tests.accounting.driver import Accounting
from tests.accounting.ledger_state import ledger_state
from tests.accounting.reports import YESTERDAY, Reports
from tests.databases import LIBRARY_TABLES, Dsns, empty_tables

BATCHES = 1000
IN_ONE_POLL = 100
EVENTS_MAX = 9
_FIRST_OF_MONTH = YESTERDAY.replace(day=1)
# The end of a day, of a month, and of the month before.
MIDNIGHTS = (YESTERDAY, _FIRST_OF_MONTH, (_FIRST_OF_MONTH - timedelta(days=1)).replace(day=1))


def random_batch(person: Reports, rng: random.Random) -> list[ActivityReported]:
    """Return rides and deliveries near one midnight. Some come twice, some with other content, some overlap."""
    reports: list[ActivityReported] = []
    midnight = rng.choice(MIDNIGHTS)
    for _ in range(rng.randint(2, EVENTS_MAX)):
        kind = rng.random()
        at: datetime = midnight + timedelta(minutes=rng.randrange(-300, 300, 10))
        if reports and kind < 0.12:
            reports.append(rng.choice(reports))
        elif reports and kind < 0.2:
            reports.append(person.metro(at, event_id=rng.choice(reports).event_id))
        elif kind < 0.3:
            reports.append(person.recycling(at, weight_g=rng.randint(100, 9000)))
        elif kind < 0.45:
            reports.append(person.car(at, distance_m=rng.choice([4000, 8000, 12_000])))
        elif kind < 0.6:
            reports.append(person.slow_bus(at))
        else:
            reports.append((person.bus if kind < 0.8 else person.metro)(at))
    return reports


async def test_a_thousand_batches_equal_their_events_one_by_one(
    accounting: Accounting, accounting_dsns: Dsns, vesting_bus: None
) -> None:
    rng = random.Random(20261123)
    people = [await accounting.citizen() for _ in range(BATCHES)]
    batches = [random_batch(person, rng) for person in people]
    for first in range(0, BATCHES, IN_ONE_POLL):
        await accounting.post(*(report for batch in batches[first : first + IN_ONE_POLL] for report in batch))
    assert (await accounting.check())["ok"]
    at_once = await ledger_state(accounting_dsns)

    await empty_tables(accounting_dsns, "accounting", keep=[*LIBRARY_TABLES, "binding"])
    for nth in zip_longest(*batches):
        await accounting.post(*(report for report in nth if report is not None))
    one_by_one = await ledger_state(accounting_dsns)
    assert at_once == one_by_one
    verdicts = {(row[2], row[3]) for row in at_once[0]}
    # The batches contain every case in which batches could differ.
    assert {
        ("credited", "CREDITED"),
        ("pending", "CREDITED"),
        ("refused", "DAILY_CAP"),
        ("refused", "DUPLICATE_ACT"),
    } <= verdicts
    assert ("refused", "MONTHLY_CAP") in verdicts
    assert {(row[1], row[2].day) for row in at_once[2]} >= {("recycling.monthly_acts", 1), ("bus.daily_acts", 1)}
