"""Corrections and cancellations by partners, reversals by operators.

Each reverses the credit of its original once and gives back the caps. A correction may arrive before its original
(other partition, retried batch), so it waits in the inbox until a timed job finds the original decided. Nothing is
announced of it before that.

The act of a correction is judged under the id of the correction, in the place of its original: as received with it, in
the room that it frees. If the corrected facts can be used, the original ends as `reversed`, whatever they earn.
Otherwise the correction is refused and the original stands. Grams that were spent before a reversal become a debt,
which later credits repay.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from services.accounting.bindings import service as bindings_room
from services.accounting.bindings.domain import people_of
from services.accounting.corrections import repository
from services.accounting.corrections.domain import UNUSABLE, is_too_late
from services.accounting.corrections.repository import CorrectionRow
from services.accounting.erased_accounts import service as erased_accounts
from services.accounting.households import service as households
from services.accounting.judging import reasons
from services.accounting.judging.stored import from_row
from services.accounting.ledger import service as ledger
from services.accounting.posting import history, status_changes
from services.accounting.posting import service as posting
from services.accounting.posting.candidates import Candidate
from services.accounting.posting.closing import Closing, Programme, closing
from services.accounting.posting.domain import KnownEvent, separate_repeats, verdict_without_act
from services.accounting.posting.homes import shared_subjects_of
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.identity import event_key
from shared.db import Session, driver

WAITING_LIFE_S = 7 * 24 * 3600
_APPLY_MAX = 200
_OVERDUE_MAX = 1000


class _Unusable(Exception):
    """Undoes the attempt to put a correction in the place of its original. `reason_code` is the judge's."""

    def __init__(self, reason_code: str) -> None:
        super().__init__(reason_code)
        self.reason_code = reason_code


async def receive_corrections(
    session: Session, reports: Sequence[ActivityReported], known: Mapping[uuid.UUID, KnownEvent], *, closing: Closing
) -> None:
    """Store new corrections in the inbox. A timed job settles them and announces their first verdict."""
    fresh, repeats = separate_repeats(reports, known)
    if fresh:
        await repository.insert_waiting(session, [_row(report) for _, report in fresh])
        await posting.keep_mends(session, (report for _, report in fresh))
    await closing.add(repeats)


def _row(report: ActivityReported) -> CorrectionRow:
    return CorrectionRow(
        event_key=report.event_key,
        fingerprint=bytes.fromhex(report.fingerprint),
        partner_id=report.partner_id,
        original_id=event_key(report.partner_id, str(report.original_event_id)),
        report=msgspec.to_builtins(report),
        received_at=report.received_at,
        receipt_id=report.receipt_id,
        receipt_index=report.index,
    )


async def apply_waiting(session: Session, *, programme: Programme, deadline_days: int) -> int:
    """Apply corrections whose original is decided. Return their number. Timed job.

    A correction that was received more than `deadline_days` after its original is refused. So is one about an erased
    person: what was credited stays as it was sealed.
    """
    rows = await repository.applicable(session, programme.index.held, _APPLY_MAX)
    if not rows:
        return 0
    reports = [msgspec.convert(row.report, ActivityReported) for row in rows]
    connection = await driver(session)
    originals = await history.get_activities(session, [row.original_id for row in rows])
    bindings = await bindings_room.bindings_of(connection, reports)
    people = {row["account_id"] for row in originals.values() if row["account_id"] is not None}
    await ledger.lock_people(connection, people | people_of(bindings))
    erased = await erased_accounts.erased_among(session, people)
    judged = [from_row(row) for row in originals.values() if row["judgement"] is not None]
    touched = {subject_id for judgement in judged for subject_id in shared_subjects_of(judgement)}
    corrected = [
        _in_place_of(originals[row.original_id], report)
        for row, report in zip(rows, reports, strict=True)
        if report.act is not None
    ]
    candidates = await posting.correction_candidates(session, corrected, bindings, touched, programme)
    async with closing(session, programme) as closed:
        for row, report in zip(rows, reports, strict=True):
            candidate = candidates.get(report.event_key)
            await _apply(session, row, report, candidate, programme, closed, deadline_days, erased)
    return len(rows)


def _in_place_of(original: Any, report: ActivityReported) -> ActivityReported:
    """Return a correction as received with its original: that time decides windows, binding, consent and vesting."""
    return msgspec.structs.replace(report, received_at=original["received_at"])


async def _apply(
    session: Session,
    row: Any,
    report: ActivityReported,
    candidate: Candidate | None,
    programme: Programme,
    closed: Closing,
    deadline_days: int,
    erased: Collection[uuid.UUID],
) -> None:
    # Read again, because an earlier correction of the same run may have changed it.
    original = await status_changes.locked_activity(session, row.original_id)
    assert original is not None  # `applicable` joins the original
    if original["account_id"] in erased:
        await _refuse(session, report, reasons.NO_BINDING, closed)
    elif status_changes.is_taken_back(original):
        await _refuse(session, report, reasons.ALREADY_REVERSED, closed)
    elif candidate is None or report.operation == "cancel":
        await _take_back(session, original, report, reasons.CANCELLED, closed)
        sequence = await repository.settle(session, report.event_key, "applied", reasons.CANCELLED)
        await closed.add([verdict_without_act(report, "reversed", reasons.CANCELLED, sequence=sequence)])
    elif is_too_late(report.received_at, original["received_at"], deadline_days):
        await _refuse(session, report, reasons.CORRECTION_TOO_LATE, closed)
    else:
        await _replace(session, original, report, candidate, programme, closed)


async def _replace(
    session: Session,
    original: Any,
    report: ActivityReported,
    candidate: Candidate,
    programme: Programme,
    closed: Closing,
) -> None:
    """Put a correction in the place of its original in one step. If its facts are unusable, the original stands."""
    attempt = Closing(judged_at=closed.judged_at)
    try:
        async with (await driver(session)).transaction():
            await _swap(session, original, candidate, programme, attempt)
    except _Unusable as unusable:
        await _refuse(session, report, unusable.reason_code, closed)
    else:
        closed.join(attempt)


async def _swap(session: Session, original: Any, candidate: Candidate, programme: Programme, closing: Closing) -> None:
    """Take back the original and judge the correction in the room that this frees. Raises _Unusable."""
    report = candidate.report
    await _take_back(session, original, report, reasons.CORRECTED, closing)
    sequence = await repository.settle(session, report.event_key, "applied", reasons.CORRECTED)
    verdict = await posting.post_corrected(session, candidate, sequence=sequence, programme=programme, closing=closing)
    if verdict.reason_code in UNUSABLE:
        raise _Unusable(verdict.reason_code)


async def _take_back(session: Session, original: Any, report: ActivityReported, reason: str, closing: Closing) -> None:
    await status_changes.take_back(
        session,
        original,
        reason,
        account_key=original["account_key"] or report.account_key,
        requested_by=f"partner:{report.partner_id}",
        closing=closing,
    )


async def _refuse(session: Session, report: ActivityReported, reason: str, closing: Closing) -> None:
    sequence = await repository.settle(session, report.event_key, "refused", reason)
    await closing.add([verdict_without_act(report, "refused", reason, sequence=sequence)])


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


async def refuse_hopeless(session: Session, *, programme: Programme) -> None:
    """Refuse waiting corrections that can never be applied. Timed job.

    The original did not arrive within WAITING_LIFE_S, or it is a cancellation or a refused correction.
    """
    overdue = await repository.overdue(session, WAITING_LIFE_S, _OVERDUE_MAX)
    without_content = await repository.without_content(session, _APPLY_MAX)
    async with closing(session, programme) as closed:
        for rows, reason in ((overdue, reasons.ORIGINAL_UNKNOWN), (without_content, reasons.NOTHING_TO_CORRECT)):
            for row in rows:
                await _refuse(session, msgspec.convert(row.report, ActivityReported), reason, closed)
