"""The posting path: one transaction turns the events of a poll into activities, credits, balances and outcomes.

    1  separate new events from repeats                5  judge: pure, in log order
    2  find the bindings of the new events             6  write activities and cap counters
    3  lock the people (all, or the free ones)         7  `ledger.post`: postings and balances
    4  lock households, meters and vehicles, read      8  `closing`: outcomes, tallies, shared accounts
       cap counters, acts near in time, and what
       other people's acts have used up

The result equals posting the same events one by one: the judge carries the caps along, and the locks of steps 3 and 4
protect what was read. The order of locks is people; households, meters and vehicles; numbers of partners (by the unique
key of `counted_number`); rows that all workers share.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from services.accounting.bindings import service as bindings_room
from services.accounting.bindings.domain import SETTLED_AFTER, BindingRow, Bindings, BindingState, people_of
from services.accounting.judging.domain import CapUsed, cap_keys, judge
from services.accounting.judging.duplicates import CreditedAct, CreditedActs
from services.accounting.judging.plausibility import EXCLUSIVE_ACT_MAX_S
from services.accounting.judging.stored import from_row
from services.accounting.judging.subjects import CapKey
from services.accounting.judging.uniqueness import CountedActs, use_of
from services.accounting.ledger import service as ledger
from services.accounting.methodologies.matching import MethodologyIndex
from services.accounting.posting import counted_repository, homes, parked_repository, repository
from services.accounting.posting.candidates import Candidate, make_candidates, stored_candidate
from services.accounting.posting.closing import Closing, Programme
from services.accounting.posting.domain import (
    KnownEvent,
    ReplacedVerdict,
    Verdict,
    outcome_status,
    separate_repeats,
)
from services.accounting.posting.effects import Effects, collect_effects
from shared import clock
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.bounds import EARLIEST
from shared.db import Connection, Session, driver

# Acts that begin further apart cannot overlap, because the judge refuses longer acts.
_SAME_ACT_HORIZON = timedelta(seconds=EXCLUSIVE_ACT_MAX_S)


async def known_events(session: Session, event_keys: Sequence[UUID]) -> dict[UUID, KnownEvent]:
    """Return the events among these that were judged or parked before."""
    return await repository.known_events(await driver(session), event_keys)


async def post_reports(
    session: Session,
    reports: Sequence[ActivityReported],
    known: Mapping[UUID, KnownEvent],
    *,
    programme: Programme,
    closing: Closing,
    wait: bool = True,
) -> Sequence[ActivityReported]:
    """Post new events. `known` are the events that the inbox has. Return the reports that got no verdict.

    With `wait=False`, a report is returned if another transaction has locked its person, or its person has no account
    yet. Then repeats are returned, too. Commit, and call again with `wait=True` in a new transaction. So two workers
    that share a few people wait for each other only in the second transaction.
    """
    connection = await driver(session)
    fresh, verdicts = separate_repeats(reports, known)
    left: Sequence[ActivityReported] = ()
    if fresh:
        # Bindings are read once: a binding that appears later would add a person who is locked out of order.
        keys = sorted({(report.partner_id, report.account_key) for _, report in fresh})
        bindings, waiting = await parked_repository.bindings_and_waiting(connection, keys)
        # Parked rows are locked before people, in the same order as in `judge_parked`.
        parked = await parked_repository.parked_of(connection, waiting, settled_before()) if waiting else ()
        people = people_of(bindings)
        busy = people - await ledger.lock_people(connection, people, wait=wait)
        if busy:
            bindings = _without(bindings, busy)
            fresh = [(place, report) for place, report in fresh if (report.partner_id, report.account_key) in bindings]
            parked = [row for row in parked if (row["partner_id"], row["account_key"]) in bindings]
            verdicts, left = [], _reports_not_at(reports, {place for place, _ in fresh})
    if fresh:
        await _keep_mends(connection, (report for _, report in fresh))
        earlier = _parked_candidates(parked, bindings, programme)
        candidates = make_candidates(fresh, bindings, programme.index, programme.time_zone)
        await homes.assign_and_lock_homes(connection, [*earlier, *candidates], programme.time_zone)
        # Parked acts of the same people come first, so that acts are judged in log order even after a late binding.
        await _release(connection, parked, earlier, programme, closing)
        judged = await _judge(connection, candidates, programme)
        verdicts = sorted([*verdicts, *judged], key=lambda one: one.place) if verdicts else judged
    await _store(connection, verdicts, closing)
    return left


async def keep_mends(session: Session, reports: Iterable[ActivityReported]) -> None:
    """Stores which of these new events come from mended records. `post` does it itself."""
    await _keep_mends(await driver(session), reports)


async def _keep_mends(connection: Connection, reports: Iterable[ActivityReported]) -> None:
    mended = [(report.event_key, report.mend) for report in reports if report.mend is not None]
    if mended:
        await repository.add_mends(
            connection, [(event_key, mend.proposal_id, list(mend.fields)) for event_key, mend in mended]
        )


def _without(bindings: Bindings, busy: set[UUID]) -> Bindings:
    """Leave out all bindings of a busy person, so that this person's reports are later judged in log order."""
    return {key: found for key, found in bindings.items() if busy.isdisjoint(one.account_id for one in found)}


def _reports_not_at(reports: Sequence[ActivityReported], places: set[int]) -> list[ActivityReported]:
    return [report for place, report in enumerate(reports) if place not in places]


def _parked_candidates(rows: Iterable[Any], bindings: Bindings, programme: Programme) -> list[Candidate]:
    reports = ((place, parked_report(row)) for place, row in enumerate(rows))
    return make_candidates(reports, bindings, programme.index, programme.time_zone)


def settled_before() -> datetime:
    """Return the time of receipt up to which an act after a binding waits for no successor any more."""
    return clock.now() - SETTLED_AFTER


def parked_report(row: Any) -> ActivityReported:
    """Return the whole event of a parked activity."""
    return msgspec.convert(row["report"], ActivityReported)


async def judge_parked(session: Session, rows: Sequence[Any], *, programme: Programme, closing: Closing) -> None:
    """Judge parked activities whose people are bound now. The caller holds the locks of the rows.

    An act outside the interval of every binding is refused.
    """
    connection = await driver(session)
    bindings = await bindings_room.bindings_of(connection, (parked_report(row) for row in rows))
    await ledger.lock_people(connection, people_of(bindings))
    candidates = _parked_candidates(rows, bindings, programme)
    await homes.assign_and_lock_homes(connection, candidates, programme.time_zone)
    await _release(connection, rows, candidates, programme, closing)


async def _release(
    connection: Connection, rows: Sequence[Any], candidates: Sequence[Candidate], programme: Programme, closing: Closing
) -> None:
    """Judge parked rows and write the results. `candidates` belong to `rows`, in their order.

    People, households and meters are locked.
    """
    if not rows:
        return
    verdicts = await _judge(connection, candidates, programme)
    for row, verdict in zip(rows, verdicts, strict=True):
        verdict.sequence, verdict.replaces = row["sequence"] + 1, ReplacedVerdict("parked", row["reason_code"])
    effects = collect_effects(verdicts)
    await repository.write_new_verdicts(connection, effects.activities)
    await parked_repository.delete_parked(connection, [row["activity_id"] for row in rows])
    await _write_effects(connection, effects, closing)
    await closing.add(verdicts)


async def post_corrected(
    session: Session, candidate: Candidate, *, sequence: int, programme: Programme, closing: Closing
) -> Verdict:
    """Judge the act of a correction under the id of the correction, after the original was taken back.

    `correction_candidates` has made the candidate. `sequence` continues that of the correction's inbox row.
    """
    connection = await driver(session)
    (verdict,) = await _judge(connection, [candidate], programme)
    verdict.sequence = sequence
    await _store(connection, [verdict], closing)
    return verdict


async def correction_candidates(
    session: Session,
    reports: Iterable[ActivityReported],
    bindings: Bindings,
    touched: set[UUID],
    programme: Programme,
) -> dict[UUID, Candidate]:
    """Return candidates of corrections by event key. Lock their households and meters and the `touched` ones."""
    connection = await driver(session)
    candidates = make_candidates(enumerate(reports), bindings, programme.index, programme.time_zone)
    await homes.assign_and_lock_homes(connection, candidates, programme.time_zone, touched)
    return {candidate.report.event_key: candidate for candidate in candidates}


async def judge_again(session: Session, rows: Sequence[Any], *, programme: Programme, closing: Closing) -> int:
    """Judge refused acts again, in the given order, and write the verdicts that changed. Return their number.

    The rows are locked. Windows and bindings were passed at the first verdict. An act whose methodology is held keeps
    its refusal.
    """
    connection = await driver(session)
    await ledger.lock_people(connection, {row["account_id"] for row in rows})
    keys = await bindings_room.account_keys_of(connection, {(row["partner_id"], row["account_id"]) for row in rows})
    candidates = [
        stored_candidate(
            place, row, keys.get((row["partner_id"], row["account_id"]), ""), programme.index, programme.time_zone
        )
        for place, row in enumerate(rows)
    ]
    await homes.assign_and_lock_homes(connection, candidates, programme.time_zone)
    changed = []
    for row, verdict in zip(rows, await _judge(connection, candidates, programme), strict=True):
        # The detail names the act that this one repeats. If another act has taken its place, the next search needs it.
        if verdict.status != "parked" and _differs(verdict, row):
            verdict.sequence = row["sequence"] + 1
            verdict.replaces = ReplacedVerdict(row["status"], row["reason_code"])
            changed.append(verdict)
    if changed:
        effects = collect_effects(changed)
        await repository.write_new_verdicts(connection, effects.activities)
        await counted_repository.delete_claims(connection, [verdict.report.event_key for verdict in changed])
        await _write_effects(connection, effects, closing)
        await closing.add(changed)
    return len(changed)


def _differs(verdict: Verdict, row: Any) -> bool:
    assert verdict.judgement is not None
    before = (row["status"], row["reason_code"], from_row(row).detail)
    return (verdict.status, verdict.reason_code, verdict.judgement.detail) != before


async def post_declared(
    session: Session, report: ActivityReported, account_id: UUID, *, programme: Programme, closing: Closing
) -> None:
    """Judge an act that a citizen declared for the own account. The account is locked. The event is new."""
    connection = await driver(session)
    bindings = {(report.partner_id, report.account_key): [BindingRow(account_id, EARLIEST, None, None)]}
    candidates = make_candidates([(0, report)], bindings, programme.index, programme.time_zone)
    await homes.assign_and_lock_homes(connection, candidates, programme.time_zone)
    await _store(connection, await _judge(connection, candidates, programme), closing)


async def _store(connection: Connection, verdicts: Sequence[Verdict], closing: Closing) -> None:
    effects = collect_effects(verdicts)
    if not effects.activities:
        await closing.add(verdicts)
        return
    writing = asyncio.create_task(repository.insert_activities(connection, effects.activities))
    try:
        await closing.add(verdicts)
    finally:  # await the COPY in any case: the connection accepts no other statement before its end
        await writing
    await _write_effects(connection, effects, closing)


async def _write_effects(connection: Connection, effects: Effects, closing: Closing) -> None:
    if effects.parked:
        await parked_repository.insert_parked(connection, effects.parked)
    if effects.pending:
        await repository.insert_pending(connection, effects.pending)
    if effects.claims:
        await counted_repository.insert_claims(connection, effects.claims)
    await counted_repository.insert_counted(connection, effects.counted)
    await ledger.post(connection, effects.postings, shared_balances=closing.shared_balances, locked=True)


async def _judge(connection: Connection, candidates: Sequence[Candidate], programme: Programme) -> list[Verdict]:
    """Judge candidates and add their cap usage. People, households, meters and vehicles are locked."""
    index = programme.index
    usage: dict[CapKey, CapUsed] = {}
    nearby, counted = CreditedActs(), CountedActs()
    if any(candidate.act.account_id is not None for candidate in candidates):
        usage = await repository.cap_usage_of(connection, list(cap_keys(candidates)))
        nearby = await _credited_nearby(connection, candidates, index)
        counted = await _counted_before(connection, candidates)
    batch = judge(candidates, usage, nearby, counted)
    if batch.usage:
        await repository.add_cap_usage(connection, batch.usage, usage)
    return [
        Verdict(
            one.report,
            outcome_status(judgement),
            one.act,
            judgement,
            place=one.place,
            seats=one.method.seats if one.method is not None else 1,
        )
        for one, judgement in zip(candidates, batch.judgements, strict=True)
    ]


async def _credited_nearby(
    connection: Connection, candidates: Sequence[Candidate], index: MethodologyIndex
) -> CreditedActs:
    spans: dict[UUID, tuple[datetime, datetime]] = {}
    for candidate in candidates:
        act = candidate.act
        if act.account_id is not None and act.binding is BindingState.BOUND:
            start, end = act.occurred_at, act.ended_at or act.occurred_at
            known = spans.get(act.account_id)
            spans[act.account_id] = (start, end) if known is None else (min(known[0], start), max(known[1], end))
    rows = await repository.credited_near(connection, spans, _SAME_ACT_HORIZON) if spans else ()
    counted = []
    for activity_id, account_id, partner_id, started_at, ended_at, code, number in rows:  # by position: less time
        version = index.version(code, number)
        groups = version.document.all_groups if version else ()
        counted.append(CreditedAct(activity_id, account_id, groups, started_at, ended_at, partner_id))
    return CreditedActs(counted)


async def _counted_before(connection: Connection, candidates: Sequence[Candidate]) -> CountedActs:
    """Read what the acts of other polls have used up, of everything that these candidates name."""
    numbers: list[int] = []
    spans: dict[UUID, tuple[datetime, datetime]] = {}
    for candidate in candidates:
        act, method = candidate.act, candidate.method
        if method is None or act.binding is not BindingState.BOUND:
            continue
        if act.number_key is not None:
            numbers.append(act.number_key)
        if act.use_key is not None and (use := use_of(act, method.seats)) is not None:
            known = spans.get(use.key)
            start, end = use.started_at, use.ended_at
            spans[use.key] = (start, end) if known is None else (min(known[0], start), max(known[1], end))
    if not numbers and not spans:
        return CountedActs()
    return CountedActs(*await counted_repository.counted_by(connection, numbers, spans))
