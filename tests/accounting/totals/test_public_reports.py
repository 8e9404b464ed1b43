"""Faults of alarms on large amounts (A14) that users reported in public, tried here. Each test names its source."""

from datetime import timedelta
from typing import Any

import pytest

from shared import clock
from tests.accounting.driver import Accounting
from tests.accounting.households.homes import family, publish, saving, unpublish
from tests.accounting.posting.test_uniqueness import power
from tests.accounting.reports import YESTERDAY
from tests.accounting.totals.test_largest_credits import ZONE, largest, rank, shift
from tests.databases import Dsns

HOUR = timedelta(hours=1)


async def ranked(accounting: Accounting, admin: Any) -> dict[str, list[tuple[str, int, int]]]:
    """Rank all credits as posted two hours ago. Return account, grams and acts of each entry, largest first."""
    hour = clock.now().replace(minute=0, second=0, microsecond=0) - 2 * HOUR
    await shift(admin, hour + HOUR / 3)
    await admin.execute("INSERT INTO accounting.largest_credit_state (ranked_before) VALUES ($1)", hour)
    await rank(accounting)
    day = str(clock.local_date(hour, ZONE))
    found = {span: (await largest(accounting, day=day, span=span))["items"] for span in ("credit", "hour")}
    return {
        span: [(item["account_id"], item["amount_mg"], item["acts"]) for item in items] for span, items in found.items()
    }


async def test_a14_many_credits_below_every_limit_are_seen_as_a_sum(accounting: Accounting, admin: Any) -> None:
    """JiRaska/open-bank-oss#546, moov-io/paygate#383: large amounts within an hour passed a limit on their number."""
    busy, calm = await accounting.citizen(), await accounting.citizen()
    for number in range(3):
        start = YESTERDAY + number * HOUR
        await accounting.post(power(busy, "m1", start, start + HOUR, energy_wh=400_000))
    await accounting.post(power(calm, "m2", YESTERDAY, YESTERDAY + HOUR, energy_wh=900_000))
    lists = await ranked(accounting, admin)
    assert lists["credit"][0] == (str(calm.account_id), 472_500_000, 1)
    assert lists["hour"][0] == (str(busy.account_id), 630_000_000, 3)


@pytest.mark.usefixtures("vesting_bus")
async def test_a14_credits_that_are_pending_belong_to_their_person_in_the_lists(
    accounting: Accounting, admin: Any
) -> None:
    """GaloyMoney/blink#111: only one way out of an account was limited. Here: one way into it is watched."""
    person = await accounting.citizen()
    await accounting.post(person.slow_bus(), person.metro())
    lists = await ranked(accounting, admin)
    account = str(person.account_id)
    assert lists == {"credit": [(account, 170_000, 1), (account, 150_000, 1)], "hour": [(account, 320_000, 2)]}


async def test_a14_credits_of_a_household_are_watched_as_well(
    accounting: Accounting, admin: Any, accounting_dsns: Dsns
) -> None:
    """GaloyMoney/blink#111, for an account that several people share."""
    await publish(accounting.database)
    home, (member, _) = await family(accounting)
    await accounting.post(saving(member, "4201004812345"))
    lists = await ranked(accounting, admin)
    await unpublish(accounting_dsns)
    assert [entry[0] for entry in lists["credit"]] == [str(home.account_id)]
