"""Corrections and cancellations by the partner: the credit is reversed by naming it, caps are given back, once.

A correction may come before its original (other partition, retried batch), so it first waits in the inbox; a sweep
applies it when the original is there. A cancelled original ends as `reversed`; a correction's own act is then judged
like any other, under the correction's id. Grams spent in between become a debt that later credits repay.
"""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from services.accounting.activities import corrections_repository as repository
from services.accounting.activities import posting, posting_repository, reasons
from services.accounting.activities.corrections_repository import CorrectionRow
from services.accounting.activities.domain import Judgement, Status, from_record, usage_of
from services.accounting.activities.posting import Programme
from services.accounting.activities.verdicts import Earlier, Verdict, announce, count, sort_out_repeats
from services.accounting.ledger.domain import sub_account_id
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.identity import event_key
from shared.contracts.outcomes_v1 import Status as OutcomeStatus
from shared.db import Session, driver

WAITING_LIFE_S = 7 * 24 * 3600
_APPLY_MAX = 200
_OVERDUE_MAX = 1000
_WAITING = Earlier(Status.PARKED, reasons.ORIGINAL_UNKNOWN)


def _verdict(report: ActivityReported, status: OutcomeStatus, reason_code: str, *, sequence: int) -> Verdict:
    judged = Judgement(
        activity_id=report.event_key,
        account_id=None,
        status=Status.PARKED if status == "parked" else Status.REFUSED,
        reason_code=reason_code,
    )
    return Verdict(report, status, judgement=judged, sequence=sequence, replaces=_WAITING if sequence > 1 else None)


async def receive(session: Session, reports: Sequence[ActivityReported], *, programme: Programme) -> None:
    """Puts new corrections into the inbox, where they wait for the sweep."""
    connection = await driver(session)
    known = await posting_repository.known_fingerprints(connection, [report.event_key for report in reports])
    fresh, verdicts = sort_out_repeats(reports, known)
    if fresh:
        await repository.insert_waiting(
            session,
            [
                CorrectionRow(
                    event_key=report.event_key,
                    fingerprint=bytes.fromhex(report.fingerprint),
                    partner_id=report.partner_id,
                    original_id=event_key(report.partner_id, str(report.original_event_id)),
                    report=msgspec.to_builtins(report),
                    received_at=report.received_at,
                )
                for report in fresh
            ],
        )
    verdicts += [_verdict(report, "parked", reasons.ORIGINAL_UNKNOWN, sequence=1) for report in fresh]
    await announce(session, verdicts, topic=programme.topic)
    await count(connection, verdicts, programme.time_zone)


async def apply_waiting(session: Session, *, programme: Programme) -> int:
    """Applies corrections whose original has been judged; returns how many."""
    rows = await repository.applicable(session, _APPLY_MAX)
    if not rows:
        return 0
    reports = [msgspec.convert(row.report, ActivityReported) for row in rows]
    connection = await driver(session)
    people = {row.account_id for row in rows if row.account_id is not None}
    for bindings in (await posting.bindings_of(connection, reports)).values():
        people |= {binding.account_id for binding in bindings}
    await posting_repository.lock_people(connection, sorted(people))
    for row, report in zip(rows, reports, strict=True):
        await _apply(session, report, row.original_id, programme)
    return len(rows)


async def _apply(session: Session, report: ActivityReported, original_id: uuid.UUID, programme: Programme) -> None:
    original = await repository.original(session, original_id)
    if original.status == "reversed" or original.reason_code in {reasons.CANCELLED, reasons.CORRECTED}:
        await repository.settle(session, report.event_key, "refused", reasons.ALREADY_REVERSED)
        await _tell(session, [_verdict(report, "refused", reasons.ALREADY_REVERSED, sequence=2)], programme)
        return
    reason = reasons.CORRECTED if report.operation == "correct" else reasons.CANCELLED
    verdicts = [await _take_back(session, report, original, reason)]
    await repository.settle(session, report.event_key, "applied", reason)
    if report.operation == "cancel":
        verdicts.append(_verdict(report, "reversed", reason, sequence=2))
    await _tell(session, verdicts, programme)
    if report.operation == "correct":
        await posting.post_corrected(session, report, replaces=_WAITING, programme=programme)


async def _take_back(session: Session, report: ActivityReported, original: Any, reason: str) -> Verdict:
    """Undoes the original's effects and gives its new verdict, under its own event id."""
    credited = original.status == "credited"
    if credited:
        await repository.reverse_credit(
            session,
            activity_id=original.activity_id,
            debt_id=sub_account_id(original.account_id, "debt"),
            requested_by=f"partner:{report.partner_id}",
        )
        used = usage_of(from_record(original.judgement))
        await repository.give_back_caps(
            session, {(k.account_id, k.cap_id, k.period_start): (u.acts, u.amount_mg) for k, u in used.items()}
        )
    await repository.mark(session, original.activity_id, "reversed" if credited else "refused", reason)
    as_reported = ActivityReported(
        event_key=original.activity_id,
        partner_id=original.partner_id,
        event_id=original.event_id,
        receipt_id=original.receipt_id,
        index=original.receipt_index,
        account_key=original.account_key or report.account_key,
        fingerprint=original.fingerprint.hex(),
        raw_sha256=original.raw_sha256.hex(),
        received_at=original.received_at,
        late_window_s=0,
    )
    verdict = _verdict(as_reported, "reversed" if credited else "refused", reason, sequence=original.sequence + 1)
    verdict.replaces = Earlier(original.status, original.reason_code, original.amount_mg)
    return verdict


async def _tell(session: Session, verdicts: Sequence[Verdict], programme: Programme) -> None:
    await announce(session, verdicts, topic=programme.topic)
    await count(await driver(session), verdicts, programme.time_zone)


async def forget_waiting(session: Session, *, programme: Programme) -> None:
    """Refuses corrections whose original never came."""
    rows = await repository.overdue(session, WAITING_LIFE_S, _OVERDUE_MAX)
    verdicts = []
    for row in rows:
        await repository.settle(session, row.event_key, "refused", reasons.ORIGINAL_UNKNOWN)
        report = msgspec.convert(row.report, ActivityReported)
        verdicts.append(_verdict(report, "refused", reasons.ORIGINAL_UNKNOWN, sequence=2))
    if verdicts:
        await _tell(session, verdicts, programme)
