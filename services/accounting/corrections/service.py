"""Corrections and cancellations by partners, reversals by operators: a credit is reversed by naming it, and its caps
are given back, once.

A correction may come before its original (other partition, retried batch), so it first waits in the inbox; a timed job
applies it when the original is there. A cancelled original ends as `reversed`; a correction's own act is then judged
like any other, under the correction's id. Grams spent in between become a debt that later credits repay.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from services.accounting.bindings import service as bindings_room
from services.accounting.bindings.domain import people_of
from services.accounting.corrections import repository
from services.accounting.corrections.repository import CorrectionRow
from services.accounting.households import service as households
from services.accounting.judging import reasons
from services.accounting.judging.domain import Status
from services.accounting.judging.stored import from_row
from services.accounting.ledger import service as ledger
from services.accounting.posting import history, status_changes
from services.accounting.posting import service as posting
from services.accounting.posting.candidates import Candidate
from services.accounting.posting.closing import Closing, Programme, closing
from services.accounting.posting.domain import (
    KnownEvent,
    ReplacedVerdict,
    Verdict,
    separate_repeats,
    verdict_without_act,
)
from services.accounting.posting.homes import shared_subjects_of
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.identity import event_key
from shared.contracts.outcomes_v1 import Status as OutcomeStatus
from shared.db import Session, driver

WAITING_LIFE_S = 7 * 24 * 3600
_APPLY_MAX = 200
_OVERDUE_MAX = 1000
_WAITING = ReplacedVerdict(Status.PARKED, reasons.ORIGINAL_UNKNOWN)


async def receive(
    session: Session, reports: Sequence[ActivityReported], known: Mapping[uuid.UUID, KnownEvent], *, closing: Closing
) -> None:
    """Puts new corrections into the inbox, where they wait for the timed job."""
    fresh, verdicts = separate_repeats(reports, known)
    if fresh:
        await repository.insert_waiting(session, [_row(report) for _, report in fresh])
    verdicts += [verdict_without_act(report, "parked", reasons.ORIGINAL_UNKNOWN, sequence=1) for _, report in fresh]
    await closing.add(verdicts)


def _row(report: ActivityReported) -> CorrectionRow:
    return CorrectionRow(
        event_key=report.event_key,
        fingerprint=bytes.fromhex(report.fingerprint),
        partner_id=report.partner_id,
        original_id=event_key(report.partner_id, str(report.original_event_id)),
        report=msgspec.to_builtins(report),
        received_at=report.received_at,
    )


async def apply_waiting(session: Session, *, programme: Programme) -> int:
    """Applies corrections whose original has been judged; returns how many."""
    rows = await repository.applicable(session, _APPLY_MAX)
    if not rows:
        return 0
    reports = [msgspec.convert(row.report, ActivityReported) for row in rows]
    connection = await driver(session)
    originals = await history.activities_by_id(session, [row.original_id for row in rows])
    bindings = await bindings_room.bindings_of(connection, reports)
    people = {row["account_id"] for row in originals.values() if row["account_id"] is not None}
    await ledger.lock_people(connection, people | people_of(bindings))
    judged = [from_row(row) for row in originals.values() if row["judgement"] is not None]
    touched = {subject_id for judgement in judged for subject_id in shared_subjects_of(judgement)}
    corrected = [report for report in reports if report.act is not None]
    candidates = await posting.correction_candidates(session, corrected, bindings, touched, programme)
    async with closing(session, programme) as closed:
        for row, report in zip(rows, reports, strict=True):
            await _apply(session, report, row.original_id, candidates.get(report.event_key), programme, closed)
    return len(rows)


async def _apply(
    session: Session,
    report: ActivityReported,
    original_id: uuid.UUID,
    candidate: Candidate | None,
    programme: Programme,
    closed: Closing,
) -> None:
    # Read again: an earlier correction of the same run may have changed it.
    original = await status_changes.locked_activity(session, original_id)
    if status_changes.is_taken_back(original):
        await repository.settle(session, report.event_key, "refused", reasons.ALREADY_REVERSED)
        await closed.add([_later_verdict(report, "refused", reasons.ALREADY_REVERSED)])
        return
    assert original is not None  # `applicable` joins it
    reason = reasons.CORRECTED if report.operation == "correct" else reasons.CANCELLED
    await status_changes.take_back(
        session,
        original,
        reason,
        account_key=original["account_key"] or report.account_key,
        requested_by=f"partner:{report.partner_id}",
        closing=closed,
    )
    await repository.settle(session, report.event_key, "applied", reason)
    if candidate is None or report.operation == "cancel":
        await closed.add([_later_verdict(report, "reversed", reason)])
    else:
        await posting.post_corrected(session, candidate, replaces=_WAITING, programme=programme, closing=closed)


def _later_verdict(report: ActivityReported, status: OutcomeStatus, reason: str) -> Verdict:
    """The second verdict on a correction, which was parked until now."""
    verdict = verdict_without_act(report, status, reason, sequence=2)
    verdict.replaces = _WAITING
    return verdict


async def reverse(session: Session, *, activity_id: uuid.UUID, requested_by: str, programme: Programme) -> None:
    """An operator's reversal, after a second person approved it: exactly what a partner's cancellation does.

    Raises ActivityNotFound, ActivityReversedAlready, ActivityNotCredited.
    """
    original = await status_changes.require_reversible(session, activity_id=activity_id)
    connection = await driver(session)
    pair = (original["partner_id"], original["account_id"])
    await ledger.lock_people(connection, [original["account_id"]])
    await households.lock_subjects(connection, shared_subjects_of(from_row(original)))
    keys = await bindings_room.account_keys_of(connection, [pair])
    async with closing(session, programme) as closed:
        await status_changes.take_back(
            session,
            original,
            reasons.REVOKED,
            account_key=keys.get(pair, ""),
            requested_by=requested_by,
            closing=closed,
        )


async def require_reversible(session: Session, *, activity_id: uuid.UUID) -> dict[str, Any]:
    """The state that an operator's reversal would change; the activity stays locked. Raises as `reverse` does."""
    row = await status_changes.require_reversible(session, activity_id=activity_id)
    return {"status": row["status"], "amount_mg": row["amount_mg"]}


async def refuse_overdue(session: Session, *, programme: Programme) -> None:
    """Timed job: refuses corrections whose original never came."""
    rows = await repository.overdue(session, WAITING_LIFE_S, _OVERDUE_MAX)
    async with closing(session, programme) as closed:
        for row in rows:
            await repository.settle(session, row.event_key, "refused", reasons.ORIGINAL_UNKNOWN)
            report = msgspec.convert(row.report, ActivityReported)
            await closed.add([_later_verdict(report, "refused", reasons.ORIGINAL_UNKNOWN)])
