"""A rebuild of sums and boards beside the live ones, while verdicts arrive. Each step has a transaction of its own.

1. Verdicts that the log still has, and all donations, are projected again. What is there already stays as it is.
2. The sums of a new generation are made from the acts. `recognition.rebuilding` says how they stay complete.
3. The boards of the new generation are filled. The refresher writes both generations meanwhile.
4. One transaction makes the new generation live. Then everybody's badges are looked at again, and the former
   generation is deleted.

A rebuild that was interrupted goes on with the generation that it had begun.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.rewards.badges.rules import rules_sha256
from services.rewards.campaigns import confirmed
from services.rewards.memberships import service as memberships
from services.rewards.participants import service as participants
from services.rewards.rankings import service as rankings
from services.rewards.rankings.service import Generation
from services.rewards.recognition import decoders, rebuilding
from services.rewards.recognition import service as recognition
from shared import clock
from shared.db import Database
from shared.eventlog import EventLog, TopicPartition
from shared.projection import decoded

PEOPLE_PER_STEP: Final = 2_000
_RECORDS_MAX: Final = 1_000
_DONATIONS_PER_STEP: Final = 1_000
_FIRST: Final = uuid.UUID(int=0)


@dataclass(slots=True)
class Report:
    """What a rebuild did. `differences`: rows of sums that were wrong before."""

    records: int = 0
    donations: int = 0
    sums_steps: int = 0
    differences: int = 0
    people: int = 0
    groups: int = 0


Progress = Callable[[str, Report], None]


@dataclass(frozen=True, slots=True)
class Rebuild:
    """`topic` is the one of outcomes, with its prefix."""

    database: Database
    log: EventLog | None
    topic: str
    time_zone: str
    tell: Progress

    async def run(self) -> Report:
        report = Report()
        if self.log is not None:
            await self._replay(self.log, report)
        await self._add_donations(report)
        async with self.database.transaction() as session:
            state = await rebuilding.start(session)
        assert state.building is not None
        await self._build_sums(report)
        await self._fill_boards(Generation(state.building, is_live=False), report)
        await self._make_live()
        self.tell("live", report)
        await self._delete_former()
        self.tell("done", report)
        return report

    async def _replay(self, log: EventLog, report: Report) -> None:
        partitions = [TopicPartition(self.topic, n) for n in range(await log.partition_count(self.topic))]
        positions, ends = await log.begin_offsets(partitions), await log.end_offsets(partitions)
        while open_ones := {tp: at for tp, at in positions.items() if at < ends[tp]}:
            fetched = await log.fetch(open_ones, max_records=_RECORDS_MAX, max_wait_s=1)
            for tp in open_ones.keys() - fetched.keys():
                positions[tp] = ends[tp]  # the rest of it was trimmed or compacted away
            for tp, records in fetched.items():
                found = decoded(records, decoders.OUTCOMES)
                async with self.database.transaction() as session:
                    await recognition.handle_outcomes(session, found.items, time_zone=self.time_zone)
                positions[tp] = records[-1].offset + 1
                report.records += len(records)
            self.tell("log", report)

    async def _add_donations(self, report: Report) -> None:
        after: uuid.UUID | None = _FIRST
        while after is not None:
            async with self.database.transaction() as session:
                ids = await confirmed.confirmed_after(session, after=after, limit=_DONATIONS_PER_STEP)
                await recognition.add_donations(session, donation_ids=ids, time_zone=self.time_zone)
            after = ids[-1] if len(ids) == _DONATIONS_PER_STEP else None
            report.donations += len(ids)
        self.tell("donations", report)

    async def _build_sums(self, report: Report) -> None:
        while True:
            async with self.database.transaction() as session:
                step = await rebuilding.build_sums(session)
            report.sums_steps += 1
            report.differences += step.differences
            self.tell("sums", report)
            if step.is_last:
                return

    async def _fill_boards(self, generation: Generation, report: Report) -> None:
        after: uuid.UUID | None = _FIRST
        while after is not None:
            async with self.database.transaction() as session:
                await recognition.wait_to_refresh(session)
                found = await participants.accounts_after(session, after=after, limit=PEOPLE_PER_STEP)
                today = clock.local_date(clock.now(), self.time_zone)
                await rankings.refresh_people(session, account_ids=found, generation=generation, today=today)
            after = found[-1] if len(found) == PEOPLE_PER_STEP else None
            report.people += len(found)
            self.tell("boards", report)
        after = _FIRST
        while after is not None:
            async with self.database.transaction() as session:
                await recognition.wait_to_refresh(session)
                found = await memberships.groups_after(session, after=after, limit=PEOPLE_PER_STEP)
                groups = await memberships.find_groups(session, group_ids=found)
                today = clock.local_date(clock.now(), self.time_zone)
                await rankings.refresh_groups(session, groups=groups, generation=generation, today=today)
            after = found[-1] if len(found) == PEOPLE_PER_STEP else None
            report.groups += len(found)
            self.tell("boards", report)

    async def _make_live(self) -> None:
        async with self.database.transaction() as session:
            await recognition.wait_to_refresh(session)
            await rankings.make_live(session, generation=await rebuilding.make_live(session))
            await recognition.start_sweep(session, rules_sha256=rules_sha256())

    async def _delete_former(self) -> None:
        deleted = 1
        while deleted:
            async with self.database.transaction() as session:
                deleted = await rebuilding.delete_former(session)
        deleted = 1
        while deleted:
            async with self.database.transaction() as session:
                await recognition.wait_to_refresh(session)
                state = await recognition.get_state(session)
                today = clock.local_date(clock.now(), self.time_zone)
                deleted = await rankings.delete_old_boards(session, today=today, generations=[state.live])
