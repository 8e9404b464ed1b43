"""Corrections and cancellations by partners, reversals by operators.

Each reverses the credit of its original once and gives back the caps. A correction may arrive before its original
(other partition, retried batch), so it waits in the inbox until a timed job finds the original. The original ends as
`reversed`. The act of a correction is then judged like any other, under the id of the correction. Grams that were spent
before the reversal become a debt, which later credits repay.
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


async def receive_corrections(
    session: Session, reports: Sequence[ActivityReported], known: Mapping[uuid.UUID, KnownEvent], *, closing: Closing
) -> None:
    """Store new corrections in the inbox. A timed job applies them."""
    fresh, verdicts = separate_repeats(reports, known)
    if fresh:
        await repository.insert_waiting(session, [_row(report) for _, report in fresh])
        await posting.keep_mends(session, (report for _, report in fresh))
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
    """Apply corrections whose original has been judged. Return their number. Timed job."""
    rows = await repository.applicable(session, _APPLY_MAX)
    if not rows:
        return 0
    reports = [msgspec.convert(row.report, ActivityReported) for row in rows]
    connection = await driver(session)
    originals = await history.get_activities(session, [row.original_id for row in rows])
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
    # Read again, because an earlier correction of the same run may have changed it.
    original = await status_changes.locked_activity(session, original_id)
    if status_changes.is_taken_back(original):
        await repository.settle(session, report.event_key, "refused", reasons.ALREADY_REVERSED)
        await closed.add([_later_verdict(report, "refused", reasons.ALREADY_REVERSED)])
        return
    assert original is not None  # `applicable` joins the original
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
    """Return the second verdict on a correction. The first one was `parked`."""
    verdict = verdict_without_act(report, status, reason, sequence=2)
    verdict.replaces = _WAITING
    return verdict


async def reverse_activity(
    session: Session, *, activity_id: uuid.UUID, requested_by: str, programme: Programme
) -> None:
    """Reverse an activity for an operator, after a second person approved. It does what a cancellation does.

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
    """Return what `reverse_activity` would change, and lock the activity. Raises the same errors."""
    row = await status_changes.require_reversible(session, activity_id=activity_id)
    return {"status": row["status"], "amount_mg": row["amount_mg"]}


async def refuse_overdue(session: Session, *, programme: Programme) -> None:
    """Refuse corrections whose original did not arrive within WAITING_LIFE_S. Timed job."""
    rows = await repository.overdue(session, WAITING_LIFE_S, _OVERDUE_MAX)
    async with closing(session, programme) as closed:
        for row in rows:
            await repository.settle(session, row.event_key, "refused", reasons.ORIGINAL_UNKNOWN)
            report = msgspec.convert(row.report, ActivityReported)
            await closed.add([_later_verdict(report, "refused", reasons.ORIGINAL_UNKNOWN)])
