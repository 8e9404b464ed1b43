"""The posting path: a poll's events become judged activities, credits, balances and outcomes in one transaction.

    1  which events are known already (inbox)          5  judge: pure, in log order
    2  who is bound (projection of accounts' topic)    6  write activities, credits, balances, caps
    3  lock the people, in order                       7  write outcomes to the outbox
    4  read cap counters and acts close in time        8  tallies and issuance, shared rows, last

Equal to doing the same event by event: the judge carries caps along, and the locks of step 3 make what step 4 reads
stay true until the commit.
"""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import msgspec

from services.accounting.activities import posting_repository as repository
from services.accounting.activities import reasons
from services.accounting.activities.acts import Act, BindingState
from services.accounting.activities.domain import CapKey, CapUsed, Judgement, Status, cap_keys, judge
from services.accounting.activities.duplicates import Counted, CountedActs
from services.accounting.activities.posting_repository import ActivityRow, BindingRow, CreditRow
from services.accounting.activities.verdicts import (
    PARKED,
    Earlier,
    Verdict,
    announce,
    count,
    sort_out_repeats,
    status_of,
)
from services.accounting.ledger.domain import issuance_code, sub_account_id, system_account_id
from services.accounting.methodologies.matching import MethodologyIndex
from shared import clock
from shared.contracts.activities_v1 import ActivityReported
from shared.db import Session, driver
from shared.ids import new_id

# An act cannot be the same as one that began more than a day before it: no plausible act lasts that long.
_SAME_ACT_HORIZON = timedelta(days=1)
_ENCODE = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Effects:
    """All that a batch writes, gathered so that each table is written once."""

    activities: list[ActivityRow] = field(default_factory=list)
    credits: list[CreditRow] = field(default_factory=list)
    people_mg: dict[uuid.UUID, int] = field(default_factory=lambda: defaultdict(int))
    issuance_mg: dict[tuple[uuid.UUID, str], int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True, slots=True)
class Programme:
    """What the judge needs beside the acts. `topic` is where outcomes go."""

    index: MethodologyIndex
    time_zone: str
    topic: str


def bound_account(
    bindings: Sequence[BindingRow], started_at: datetime, received_at: datetime
) -> tuple[uuid.UUID | None, BindingState]:
    """Whose act it is, by the binding in whose interval it began; a withdrawn consent stops what arrives afterwards.

    A binding that ends exactly at the withdrawal has a successor: consent was given again, so what was done before the
    withdrawal counts, however late it arrives.
    """
    for binding in bindings:
        if binding.counts_from <= started_at and (binding.ended_at is None or started_at < binding.ended_at):
            withdrawn = binding.consent_withdrawn_at
            given_again = withdrawn is not None and binding.ended_at == withdrawn
            if withdrawn is not None and received_at >= withdrawn and not given_again:
                return binding.account_id, BindingState.CONSENT_WITHDRAWN
            return binding.account_id, BindingState.BOUND
    if not bindings:
        return None, BindingState.NONE
    nearest = bindings[-1]
    state = BindingState.BEFORE if started_at < bindings[0].counts_from else BindingState.AFTER
    return nearest.account_id, state


def to_act(report: ActivityReported, bindings: Sequence[BindingRow], time_zone: str) -> Act:
    assert report.act is not None  # reports always carry an act; the handler refuses others
    done = report.act
    account_id, state = bound_account(bindings, done.started_at, report.received_at)
    return Act(
        activity_id=report.event_key,
        account_id=account_id,
        partner_id=report.partner_id,
        kind=done.kind,
        occurred_at=done.started_at,
        local_date=clock.local_date(done.started_at, time_zone),
        received_at=report.received_at,
        late_window_s=report.late_window_s,
        binding=state,
        city_code=done.city_code,
        evidence_tier=report.evidence_tier,
        ended_at=done.ended_at,
        vehicle_type=done.vehicle_type,
        propulsion_type=done.propulsion_type,
        trip_type=done.trip_type,
        material=done.material,
        distance_m=done.distance_m,
        straight_line_m=done.straight_line_m,
        duration_s=done.duration_s,
        passenger_count=done.passenger_count,
        weight_g=done.weight_g,
        energy_wh=done.energy_wh,
        baseline_wh=done.baseline_wh,
        count=done.count,
        natural_key=done.natural_key,
    )


async def post(session: Session, reports: Sequence[ActivityReported], *, programme: Programme) -> list[Verdict]:
    """Posts new events; every one of `reports` gets a verdict, an outcome and a place in the tallies."""
    connection = await driver(session)
    known = await repository.known_fingerprints(connection, [report.event_key for report in reports])
    fresh, verdicts = sort_out_repeats(reports, known)
    if fresh:
        await _release_earlier(session, fresh, programme)
        verdicts += await _judge(connection, fresh, programme)
        place = {id(report): number for number, report in enumerate(reports)}
        verdicts.sort(key=lambda verdict: place[id(verdict.report)])
    await _store(session, verdicts, programme)
    return verdicts


async def _release_earlier(session: Session, fresh: Sequence[ActivityReported], programme: Programme) -> None:
    """Judges what the people of these events have parked first, so that their acts are judged in the order of the log
    whether or not a binding was late."""
    connection = await driver(session)
    bindings = await bindings_of(connection, fresh)
    rows = await repository.parked_of(connection, sorted(bindings)) if bindings else ()
    if not rows:
        return
    everyone = {binding.account_id for found in bindings.values() for binding in found}
    await repository.lock_people(connection, sorted(everyone))
    await release(session, rows, programme=programme)


async def release(session: Session, rows: Sequence[Any], *, programme: Programme) -> list[Verdict]:
    """Judges parked rows of `activity` again, which the caller holds."""
    reports = [msgspec.convert(row["act"], ActivityReported) for row in rows]
    sequences = {row["activity_id"]: row["sequence"] for row in rows}
    return await post_released(session, reports, sequences, programme=programme)


async def post_corrected(
    session: Session, report: ActivityReported, *, replaces: Earlier, programme: Programme
) -> None:
    """Judges a correction's own act under the correction's id, after the original was taken back."""
    (verdict,) = await _judge(await driver(session), [report], programme)
    verdict.sequence, verdict.replaces = 2, replaces
    await _store(session, [verdict], programme)


async def _store(session: Session, verdicts: Sequence[Verdict], programme: Programme) -> None:
    connection = await driver(session)
    effects = gather(verdicts)
    if effects.activities:
        await repository.insert_activities(connection, effects.activities)
        await _write_credits(connection, effects)
    await announce(session, verdicts, topic=programme.topic)
    await count(connection, verdicts, programme.time_zone)
    if effects.issuance_mg:
        await repository.take_from_issuance(connection, effects.issuance_mg)


async def bindings_of(
    connection: "asyncpg.Connection[asyncpg.Record]", reports: Sequence[ActivityReported]
) -> dict[tuple[str, str], list[BindingRow]]:
    keys = sorted({(report.partner_id, report.account_key) for report in reports})
    return await repository.bindings_of(connection, keys)


async def _judge(
    connection: "asyncpg.Connection[asyncpg.Record]", reports: Sequence[ActivityReported], programme: Programme
) -> list[Verdict]:
    bindings = await bindings_of(connection, reports)
    acts = [
        to_act(report, bindings.get((report.partner_id, report.account_key), ()), programme.time_zone)
        for report in reports
    ]
    people = sorted({act.account_id for act in acts if act.account_id is not None})
    usage: dict[CapKey, CapUsed] = {}
    counted = CountedActs()
    if people:
        await repository.lock_people(connection, people)
        for account_id, cap_id, start, count, amount_mg in await repository.cap_usage_of(
            connection, sorted(cap_keys(acts, programme.index))
        ):
            usage[CapKey(account_id, cap_id, start)] = CapUsed(count, amount_mg)
        counted = await _acts_close_in_time(connection, acts, programme.index)
    batch = judge(acts, programme.index, usage, counted)
    if batch.usage:
        await repository.add_cap_usage(
            connection,
            {(k.account_id, k.cap_id, k.period_start): (u.acts, u.amount_mg) for k, u in batch.usage.items()},
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
            low, high = spans.get(act.account_id, (act.occurred_at, act.occurred_at))
            spans[act.account_id] = (min(low, act.occurred_at), max(high, act.ended_at or act.occurred_at))
    reach = {key: (low - _SAME_ACT_HORIZON, high + _SAME_ACT_HORIZON) for key, (low, high) in spans.items()}
    rows = await repository.credited_near(connection, reach) if reach else ()
    counted = []
    for row in rows:
        version = index.version(row["methodology_code"], row["methodology_version"])
        groups = version.document.exclusivity_groups if version else ()
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


def activity_row(verdict: Verdict) -> ActivityRow:
    """The row of a judged event. Of strangers only the verdict is kept; of parked ones what a later binding needs."""
    report, act, judgement = verdict.report, verdict.act, verdict.judgement
    assert act is not None
    assert judgement is not None
    parked = judgement.status is Status.PARKED
    stranger = act.account_id is None and not parked
    return ActivityRow(
        activity_id=report.event_key,
        fingerprint=bytes.fromhex(report.fingerprint),
        partner_id=report.partner_id,
        event_id=report.event_id,
        receipt_id=report.receipt_id,
        receipt_index=report.index,
        account_id=None if parked else act.account_id,
        account_key=report.account_key if parked else None,
        status=verdict.status,
        reason_code=judgement.reason_code,
        scene=judgement.scene,
        occurred_at=act.occurred_at,
        ended_at=act.ended_at,
        received_at=report.received_at,
        amount_mg=judgement.amount_mg,
        methodology_code=judgement.methodology_code,
        methodology_version=judgement.methodology_version,
        judgement=None if stranger else _ENCODE(judgement).decode(),
        # While parked the whole report is kept, so that it can be judged again exactly as it came.
        act=None if stranger else _ENCODE(report if parked else report.act).decode(),
        raw_sha256=bytes.fromhex(report.raw_sha256),
    )


def gather(verdicts: Sequence[Verdict]) -> Effects:
    effects = Effects()
    for verdict in verdicts:
        judgement = verdict.judgement
        if judgement is None:
            continue
        effects.activities.append(activity_row(verdict))
        if judgement.amount_mg > 0:
            assert judgement.account_id is not None
            code = issuance_code(str(judgement.methodology_code))
            issuance_id = system_account_id(code)
            effects.credits.append(
                CreditRow(
                    posting_id=new_id(),
                    issuance_account_id=issuance_id,
                    account_id=judgement.account_id,
                    amount_mg=judgement.amount_mg,
                    activity_id=judgement.activity_id,
                    requested_by=f"partner:{verdict.report.partner_id}",
                )
            )
            effects.people_mg[judgement.account_id] += judgement.amount_mg
            effects.issuance_mg[issuance_id, code] += judgement.amount_mg
    return effects


async def _write_credits(connection: "asyncpg.Connection[asyncpg.Record]", effects: Effects) -> None:
    if not effects.credits:
        return
    await repository.insert_credits(connection, effects.credits)
    await repository.add_to_people(connection, effects.people_mg)
    people = {sub_account_id(account_id, "debt"): account_id for account_id in effects.people_mg}
    debts = await repository.debts_of(connection, list(people))
    if debts:
        # What was reversed after being spent is repaid before anything else; the people are locked already.
        await repository.repay(
            connection,
            [
                (
                    new_id(),
                    people[debt_id],
                    debt_id,
                    min(owed_mg, effects.people_mg[people[debt_id]]),
                    "accounting:debt",
                )
                for debt_id, owed_mg in sorted(debts.items())
            ],
        )


async def post_released(
    session: Session, reports: Sequence[ActivityReported], sequences: dict[uuid.UUID, int], *, programme: Programme
) -> list[Verdict]:
    """Judges parked events again, now that their people are bound. The caller holds their rows.

    What is still nobody's (the act lies in no binding's interval) is judged so and leaves the park as well.
    """
    connection = await driver(session)
    verdicts = await _judge(connection, reports, programme)
    for verdict in verdicts:
        verdict.sequence, verdict.replaces = sequences[verdict.report.event_key] + 1, PARKED
    effects = gather(verdicts)
    await repository.release_parked(connection, effects.activities)
    await _write_credits(connection, effects)
    await announce(session, verdicts, topic=programme.topic)
    await count(connection, verdicts, programme.time_zone)
    if effects.issuance_mg:
        await repository.take_from_issuance(connection, effects.issuance_mg)
    return verdicts


async def refuse_parked(
    session: Session,
    reports: Sequence[ActivityReported],
    sequences: dict[uuid.UUID, int],
    *,
    programme: Programme,
) -> None:
    """Ends the wait of parked events whose person never came. The caller holds their rows."""
    connection = await driver(session)
    verdicts = [
        Verdict(
            report,
            "refused",
            judgement=Judgement(
                activity_id=report.event_key,
                account_id=None,
                status=Status.REFUSED,
                reason_code=reasons.NO_BINDING,
                amount_mg=0,
                raw_mg=0,
            ),
            sequence=sequences[report.event_key] + 1,
            replaces=PARKED,
        )
        for report in reports
    ]
    await repository.forget_parked(connection, [report.event_key for report in reports], reasons.NO_BINDING)
    await announce(session, verdicts, topic=programme.topic)
    await count(connection, verdicts, programme.time_zone)
