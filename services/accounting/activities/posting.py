"""The posting path: a poll's events become judged activities, credits, balances and outcomes in one transaction.

    1  which events are known already (inbox)          5  judge: pure, in log order
    2  who is bound (projection of accounts' topic)    6  write activities, credits, balances, caps
    3  lock the people (all, or those nobody holds)    7  `close`: write outcomes to the outbox
    4  lock what they share, read cap counters         8  `close`: tallies and issuance, shared rows, last
       and acts close in time

Equal to doing the same event by event: the judge carries caps along, and the locks of steps 3 and 4 make what is read
there stay true until the commit. People are locked before households and meters (`homes`), and both before anything
that all workers share. A transaction closes once: nothing may lock people after tallies and issuance are touched.
"""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from services.accounting.activities import homes as homes_
from services.accounting.activities import posting_repository as repository
from services.accounting.activities import vesting_repository
from services.accounting.activities.acts import Act, BindingState
from services.accounting.activities.domain import CapKey, CapUsed, cap_keys, judge
from services.accounting.activities.duplicates import Counted, CountedActs
from services.accounting.activities.effects import Effects, gather
from services.accounting.activities.ownership import Bindings, acts_of, bindings_of, lock_free, people_of
from services.accounting.activities.posting_repository import BindingRow
from services.accounting.activities.verdicts import (
    PARKED,
    Earlier,
    Verdict,
    announce,
    count,
    outcomes_of,
    sort_out_repeats,
    status_of,
)
from services.accounting.households.service import Homes
from services.accounting.methodologies.matching import MethodologyIndex
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.bounds import EARLIEST
from shared.db import Session, driver
from shared.eventlog import Record
from shared.ids import new_id

# An act cannot be the same as one that began more than a day before it: no plausible act lasts that long.
_SAME_ACT_HORIZON = timedelta(days=1)
_AT_ONCE = 250  # outcomes made in one go, while the database takes the activities: a millisecond


@dataclass(slots=True)
class Closing:
    """What a transaction tells and writes last of all: outcomes, tallies and what issuance accounts give (mg)."""

    verdicts: list[Verdict] = field(default_factory=list)
    outcomes: list[Record] = field(default_factory=list)  # one for each verdict, in their order
    issuance_mg: dict[tuple[uuid.UUID, str], int] = field(default_factory=lambda: defaultdict(int))

    async def add(self, verdicts: Sequence[Verdict], issuance_mg: Mapping[tuple[uuid.UUID, str], int]) -> None:
        self.verdicts += verdicts
        for first in range(0, len(verdicts), _AT_ONCE):
            self.outcomes += outcomes_of(verdicts[first : first + _AT_ONCE])
            await asyncio.sleep(0)  # lets what runs beside send its next piece
        for key, amount_mg in issuance_mg.items():
            self.issuance_mg[key] += amount_mg


@dataclass(frozen=True, slots=True)
class Programme:
    """What the judge needs beside the acts. `topic` is where outcomes go."""

    index: MethodologyIndex
    time_zone: str
    topic: str


async def post(
    session: Session,
    reports: Sequence[ActivityReported],
    *,
    programme: Programme,
    closing: Closing,
    patient: bool = True,
) -> Sequence[ActivityReported]:
    """Posts new events; every one of `reports` gets a verdict in `closing`, except those that are returned.

    Without patience those are returned whose people another transaction holds (or who have no account yet), and with
    them all that is no new act of somebody free: the caller commits what was posted and gives the rest to a call that
    waits, in a transaction of its own. So two workers that share a few people wait for each other only there.
    """
    connection = await driver(session)
    known = await repository.known_events(connection, [report.event_key for report in reports])
    fresh: Sequence[ActivityReported]
    verdicts: Sequence[Verdict]
    fresh, verdicts = sort_out_repeats(reports, known)
    left: Sequence[ActivityReported] = ()
    if fresh:
        # Read once: a binding that appears meanwhile must not add a person whom we would lock out of order.
        bindings: Bindings = await bindings_of(connection, fresh)
        # Before the people, as the sweep does it.
        parked = await repository.parked_of(connection, sorted(bindings)) if bindings else ()
        if patient:
            await repository.lock_people(connection, sorted(people_of(bindings)))
        else:
            free, bindings_of_free = await lock_free(connection, fresh, bindings)
            if bindings_of_free is not bindings:
                posted = {id(report) for report in free}
                left = [report for report in reports if id(report) not in posted]
                fresh, bindings, verdicts = free, bindings_of_free, []
                parked = [row for row in parked if (row["partner_id"], row["account_key"]) in bindings]
    if fresh:
        homes = await _release_earlier(session, parked, fresh, bindings, programme, closing) if parked else None
        judged = await _judge(connection, fresh, bindings, programme, homes)
        verdicts = _in_order(reports, verdicts, judged)
    await _store(connection, verdicts, closing)
    return left


def _in_order(
    reports: Sequence[ActivityReported], repeats: Sequence[Verdict], judged: Sequence[Verdict]
) -> Sequence[Verdict]:
    if not repeats:
        return judged
    place = {id(report): number for number, report in enumerate(reports)}
    return sorted([*repeats, *judged], key=lambda verdict: place[id(verdict.report)])


async def _release_earlier(
    session: Session,
    rows: Sequence[Any],
    fresh: Sequence[ActivityReported],
    bindings: Bindings,
    programme: Programme,
    closing: Closing,
) -> Homes | None:
    """Judges what the people of these events have parked first, so that their acts are judged in the order of the log
    whether or not a binding was late. Rows and people are locked; what else either needs is locked before."""
    connection = await driver(session)
    parked = [msgspec.convert(row["act"], ActivityReported) for row in rows]
    homes = await lock_homes(connection, [*parked, *fresh], bindings, programme)
    await release(session, rows, bindings, homes, programme=programme, closing=closing)
    return homes


async def lock_homes(
    connection: "asyncpg.Connection[asyncpg.Record]",
    reports: Sequence[ActivityReported],
    bindings: Bindings,
    programme: Programme,
    touched: Collection[uuid.UUID] = (),
) -> Homes | None:
    """Locks the households and meters of all these events, and those `touched` before, at once; the people are locked.

    For transactions that judge more than once. None where no methodology counts them.
    """
    index = programme.index
    if not index.shared:
        await homes_.lock(connection, touched)
        return None
    acts = acts_of(reports, bindings, programme.time_zone)
    homes = await homes_.homes_of(connection, acts, index, programme.time_zone)
    needed = homes_.subjects_of(homes_.at_home(acts, homes, index), index)
    await homes_.lock(connection, needed | set(touched))
    return homes


async def release(
    session: Session,
    rows: Sequence[Any],
    bindings: Bindings | None = None,
    homes: Homes | None = None,
    *,
    programme: Programme,
    closing: Closing,
) -> None:
    """Judges parked rows of `activity` again, now that their people are bound. The caller holds the rows, and also the
    people if it gives their bindings.

    What is still nobody's (the act lies in no binding's interval) is judged so and leaves the park as well.
    """
    connection = await driver(session)
    reports = [msgspec.convert(row["act"], ActivityReported) for row in rows]
    sequences = {row["activity_id"]: row["sequence"] for row in rows}
    if bindings is None:
        bindings = await bindings_of(connection, reports)
        await repository.lock_people(connection, sorted(people_of(bindings)))
    verdicts = await _judge(connection, reports, bindings, programme, homes)
    for verdict in verdicts:
        verdict.sequence, verdict.replaces = sequences[verdict.report.event_key] + 1, PARKED
    effects = gather(verdicts)
    await repository.release_parked(connection, effects.activities)
    await _write_credits(connection, effects)
    await closing.add(verdicts, effects.issuance_mg)


async def post_corrected(
    session: Session,
    report: ActivityReported,
    bindings: Bindings,
    homes: Homes | None,
    *,
    replaces: Earlier,
    programme: Programme,
    closing: Closing,
) -> None:
    """Judges a correction's own act under the correction's id, after the original was taken back."""
    connection = await driver(session)
    (verdict,) = await _judge(connection, [report], bindings, programme, homes)
    verdict.sequence, verdict.replaces = 2, replaces
    await _store(connection, [verdict], closing)


async def post_declared(
    session: Session, report: ActivityReported, account_id: uuid.UUID, *, programme: Programme, closing: Closing
) -> None:
    """Judges what a citizen declares, as of the account the request speaks for. The account is locked already, and the
    event is new."""
    connection = await driver(session)
    bindings = {(report.partner_id, report.account_key): [BindingRow(account_id, EARLIEST, None, None)]}
    await _store(connection, await _judge(connection, [report], bindings, programme, None), closing)


async def _store(
    connection: "asyncpg.Connection[asyncpg.Record]", verdicts: Sequence[Verdict], closing: Closing
) -> None:
    effects = gather(verdicts)
    if effects.activities:
        writing = asyncio.create_task(repository.insert_activities(connection, effects.activities))
        try:
            await closing.add(verdicts, effects.issuance_mg)
        finally:  # to its end whatever happens: nobody else may find the connection in the middle of a statement
            await writing
        await _write_credits(connection, effects)
    else:
        await closing.add(verdicts, effects.issuance_mg)


async def close(session: Session, closing: Closing, *, programme: Programme) -> None:
    """Outcomes, then the rows all workers share, each kind once and sorted: the last statements of a transaction."""
    if not closing.verdicts:
        return
    connection = await driver(session)
    await announce(session, closing.verdicts, closing.outcomes, topic=programme.topic)
    await count(connection, closing.verdicts, programme.time_zone)
    issuance_mg = {key: amount_mg for key, amount_mg in closing.issuance_mg.items() if amount_mg}
    if issuance_mg:
        await repository.take_from_issuance(connection, issuance_mg)


async def _judge(
    connection: "asyncpg.Connection[asyncpg.Record]",
    reports: Sequence[ActivityReported],
    bindings: Bindings,
    programme: Programme,
    homes: Homes | None,
) -> list[Verdict]:
    """The people are locked. `homes`: as the transaction read and locked them, None if nothing was yet."""
    index = programme.index
    acts = acts_of(reports, bindings, programme.time_zone)
    if index.shared:
        homes = homes or await homes_.homes_of(connection, acts, index, programme.time_zone)
        acts = homes_.at_home(acts, homes, index)
    usage: dict[CapKey, CapUsed] = {}
    counted = CountedActs()
    if any(act.account_id is not None for act in acts):
        if index.shared:
            await homes_.lock(connection, homes_.subjects_of(acts, index))
            await homes_.open_accounts(connection, acts, index)
        for account_id, cap_id, start, count, amount_mg in await repository.cap_usage_of(
            connection, list(cap_keys(acts, index))
        ):
            usage[CapKey(account_id, cap_id, start)] = CapUsed(count, amount_mg)
        counted = await _acts_close_in_time(connection, acts, index)
    batch = judge(acts, index, usage, counted)
    if batch.usage:
        await repository.add_cap_usage(
            connection,
            {key: (used.acts, used.amount_mg) for key, used in batch.usage.items()},
        )
    return [
        Verdict(report, status_of(judgement), act, judgement)
        for report, act, judgement in zip(reports, acts, batch.judgements, strict=True)
    ]


async def _acts_close_in_time(
    connection: "asyncpg.Connection[asyncpg.Record]", acts: Sequence[Act], index: MethodologyIndex
) -> CountedActs:
    spans: dict[uuid.UUID, tuple[datetime, datetime]] = {}
    for act in acts:
        if act.account_id is not None and act.binding is BindingState.BOUND:
            start, end = act.occurred_at, act.ended_at or act.occurred_at
            known = spans.get(act.account_id)
            spans[act.account_id] = (start, end) if known is None else (min(known[0], start), max(known[1], end))
    rows = await repository.credited_near(connection, spans, _SAME_ACT_HORIZON) if spans else ()
    counted = []
    for row in rows:
        version = index.version(row["methodology_code"], row["methodology_version"])
        groups = version.document.all_groups if version else ()
        counted.append(
            Counted(
                row["activity_id"],
                row["account_id"],
                groups,
                row["occurred_at"],
                row["ended_at"],
                row["partner_id"],
                row["natural_key"],
            )
        )
    return CountedActs(counted)


async def _write_credits(connection: "asyncpg.Connection[asyncpg.Record]", effects: Effects) -> None:
    if not effects.credits:
        return
    await repository.insert_credits(connection, effects.credits)
    if effects.pending:
        await vesting_repository.add_pending(connection, effects.pending)
    if effects.people_mg:
        await repository.add_to_people(connection, effects.people_mg)
        await repay_debts(connection, effects.people_mg)


async def repay_debts(connection: "asyncpg.Connection[asyncpg.Record]", people_mg: Mapping[uuid.UUID, int]) -> None:
    """What was reversed after being spent is repaid, out of what people just got, before anything else.

    The people are locked already.
    """
    debts = await repository.debts_of(connection, list(people_mg))
    if debts:
        rows = [
            (new_id(), person_id, debt_id, min(owed_mg, people_mg[person_id]), "accounting:debt")
            for debt_id, person_id, owed_mg in debts
        ]
        await repository.repay(connection, rows)
