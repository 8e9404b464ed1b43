"""Concurrent writers over the same people: posting, corrections and releases of parked events never deadlock.

The usual run takes some rounds. `WRITERS_FOR_S=60` makes it write for about a minute, twice a day for 45 days each.
"""

import asyncio
import os
import random
import time
from datetime import timedelta

import pytest

from shared.contracts.activities_v1 import ActivityReported
from tests.accounting.driver import Accounting
from tests.accounting.reports import PARTNER, YESTERDAY, Reports, cancel, correct

pytestmark = pytest.mark.longer

WRITE_FOR_S = float(os.environ.get("WRITERS_FOR_S", "0"))
WRITERS = 8
PEOPLE = 24 + int(WRITE_FOR_S)  # enough people for the days below to last until the time is over
ROUNDS = 12
# Each writer has its own days, so the credits can be counted. The late window of reports limits the days.
DAYS_EACH = 45
ACTS_A_DAY = 2  # the daily cap


class Crowd:
    """The people, and the number of rides of each that count in the end."""

    def __init__(self, people: list[Reports], late_comers: list[Reports]) -> None:
        self.people, self.late_comers = people, late_comers
        self.credited = dict.fromkeys((person.user_id for person in people), 0)

    def batch(self, writer: int, round_: int, rng: random.Random) -> list[ActivityReported]:
        """Return one ride of everyone in random order, some cancellations and corrections, rides of late comers."""
        at = YESTERDAY - timedelta(
            days=writer * DAYS_EACH + round_ % DAYS_EACH, hours=-8, minutes=-25 * (round_ // DAYS_EACH)
        )
        reports = []
        for person in rng.sample(self.people, len(self.people)):
            ride = person.metro(at)
            reports.append(ride)
            fate = rng.random()
            if fate < 0.25:
                reports.append(cancel(person, ride))
                continue
            if fate < 0.4:
                reports.append(correct(person, ride, person.metro(at + timedelta(minutes=1))))
            self.credited[person.user_id] += 1
        reports += [person.metro(at) for person in self.late_comers]
        return reports


async def test_writers_corrections_and_sweeps_never_deadlock(accounting: Accounting) -> None:
    people = [await accounting.citizen(days_ago=400) for _ in range(PEOPLE)]
    late_comers = [await accounting.citizen("another-partner") for _ in range(6)]
    crowd = Crowd(people, late_comers)
    ends_at = time.monotonic() + WRITE_FOR_S
    writing = WRITERS

    async def write(writer: int) -> None:
        nonlocal writing
        rng = random.Random(writer)
        round_ = 0
        while round_ < ROUNDS or (time.monotonic() < ends_at and round_ < ACTS_A_DAY * DAYS_EACH):
            await accounting.post(*crowd.batch(writer, round_, rng))
            round_ += 1
        writing -= 1

    async def sweep() -> None:
        while writing:
            await accounting.release()
            await asyncio.sleep(0.01)

    async def bind() -> None:
        for person in late_comers:
            await asyncio.sleep(0.2)
            await accounting.bind(person, PARTNER, days_ago=400)

    async with asyncio.TaskGroup() as group:  # the first failure ends them all
        for work in (*(write(writer) for writer in range(WRITERS)), sweep(), sweep(), bind()):
            group.create_task(work)
    for _left_over in range(30):
        await accounting.release()
    for person in people:
        expected_mg = crowd.credited[person.user_id] * 170_000
        assert (await accounting.get(person, "/me/balance"))["available_mg"] == expected_mg
