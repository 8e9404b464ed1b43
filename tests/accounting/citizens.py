"""Citizens with activities, for tests of several rooms."""

from datetime import timedelta

from tests.accounting.driver import Accounting
from tests.accounting.reports import YESTERDAY, Reports


async def citizen_with_many_verdicts(accounting: Accounting) -> Reports:
    """Return a citizen with acts of four scenes: credited, capped, partly capped, refused for their speed."""
    person = await accounting.citizen()
    acts = [person.bus(YESTERDAY + timedelta(hours=hour)) for hour in (6, 8, 10, 12)]
    acts += [person.metro(YESTERDAY + timedelta(hours=hour)) for hour in (14, 16, 18)]
    acts += [person.car(YESTERDAY - timedelta(days=2), distance_m=metres) for metres in (8000, 90_000)]
    acts += [person.recycling(YESTERDAY - timedelta(days=day), weight_g=1500) for day in (3, 4)]
    await accounting.post(*acts)
    return person
