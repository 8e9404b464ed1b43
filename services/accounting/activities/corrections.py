"""Corrections and cancellations by the partner, reversals by operators: the credit is reversed by naming it, caps are
given back, once.

A correction may come before its original (other partition, retried batch), so it first waits in the inbox; a sweep
applies it when the original is there. A cancelled original ends as `reversed`; a correction's own act is then judged
like any other, under the correction's id. Grams spent in between become a debt that later credits repay.
"""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from services.accounting.activities import corrections_repository as repository
from services.accounting.activities import homes as homes_
from services.accounting.activities import posting, posting_repository, reasons, vesting_repository
from services.accounting.activities.corrections_repository import CorrectionRow
from services.accounting.activities.domain import Judgement, Status, from_row, usage_of
from services.accounting.activities.errors import ActivityNotCredited, ActivityNotFound, ActivityReversedAlready
from services.accounting.activities.ownership import Bindings, bindings_of
from services.accounting.activities.posting import Closing, Programme
from services.accounting.activities.verdicts import Earlier, Verdict, as_reported, sort_out_repeats
from services.accounting.households.service import Homes
from services.accounting.ledger.domain import issuance_code, sub_account_id, system_account_id
from shared.contracts.activities_v1 import ActivityReported
from shared.contracts.identity import event_key
from shared.contracts.outcomes_v1 import Status as OutcomeStatus
from shared.db import Session, driver

WAITING_LIFE_S = 7 * 24 * 3600
_APPLY_MAX = 200
_OVERDUE_MAX = 1000
_HAS_GRAMS = frozenset({"credited", "pending"})
_TAKEN_BACK = frozenset({reasons.CANCELLED, reasons.CORRECTED})
_WAITING = Earlier(Status.PARKED, reasons.ORIGINAL_UNKNOWN)


def _verdict(report: ActivityReported, status: OutcomeStatus, reason_code: str, *, sequence: int) -> Verdict:
    judged = Judgement(
        activity_id=report.event_key,
        account_id=None,
        status=Status.PARKED if status == "parked" else Status.REFUSED,
        reason_code=reason_code,
    )
    return Verdict(report, status, judgement=judged, sequence=sequence, replaces=_WAITING if sequence > 1 else None)


async def receive(session: Session, reports: Sequence[ActivityReported], *, closing: Closing) -> None:
    """Puts new corrections into the inbox, where they wait for the sweep."""
    connection = await driver(session)
    known = await posting_repository.known_events(connection, [report.event_key for report in reports])
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
    await closing.add(verdicts, {})


async def apply_waiting(session: Session, *, programme: Programme) -> int:
    """Applies corrections whose original has been judged; returns how many."""
    rows = await repository.applicable(session, _APPLY_MAX)
    if not rows:
        return 0
    reports = [msgspec.convert(row.report, ActivityReported) for row in rows]
    connection = await driver(session)
    people = {row.account_id for row in rows if row.account_id is not None}
    bindings = await bindings_of(connection, reports)
    people |= {binding.account_id for found in bindings.values() for binding in found}
    await posting_repository.lock_people(connection, sorted(people))
    judged = [from_row(row._mapping) for row in rows if row.judgement is not None]
    touched = {subject_id for judgement in judged for subject_id in homes_.subjects_touched(judgement)}
    corrected = [report for report in reports if report.act is not None]
    homes = await posting.lock_homes(connection, corrected, bindings, programme, touched)
    closing = Closing()
    for row, report in zip(rows, reports, strict=True):
        await _apply(session, report, row.original_id, bindings, homes, programme, closing)
    await posting.close(session, closing, programme=programme)
    return len(rows)


async def _apply(
    session: Session,
    report: ActivityReported,
    original_id: uuid.UUID,
    bindings: Bindings,
    homes: Homes | None,
    programme: Programme,
    closing: Closing,
) -> None:
    original = await repository.original(session, original_id)
    if original["status"] == "reversed" or original["reason_code"] in _TAKEN_BACK:
        await repository.settle(session, report.event_key, "refused", reasons.ALREADY_REVERSED)
        await closing.add([_verdict(report, "refused", reasons.ALREADY_REVERSED, sequence=2)], {})
        return
    reason = reasons.CORRECTED if report.operation == "correct" else reasons.CANCELLED
    await _take_back(
        session,
        original,
        reason,
        account_key=original["account_key"] or report.account_key,
        requested_by=f"partner:{report.partner_id}",
        closing=closing,
    )
    await repository.settle(session, report.event_key, "applied", reason)
    if report.operation == "cancel":
        await closing.add([_verdict(report, "reversed", reason, sequence=2)], {})
    else:
        await posting.post_corrected(
            session, report, bindings, homes, replaces=_WAITING, programme=programme, closing=closing
        )


async def _take_back(
    session: Session, original: Any, reason: str, *, account_key: str, requested_by: str, closing: Closing
) -> None:
    """Undoes the original's effects and gives its new verdict, under its own event id.

    The person is locked, and the households and meters it was counted for.
    """
    credited = original["status"] in _HAS_GRAMS
    returned_mg: dict[tuple[uuid.UUID, str], int] = {}
    if credited:
        judgement, pending = from_row(original), original["status"] == "pending"
        account_id = judgement.holder_id
        assert account_id is not None  # a credited activity is somebody's
        await repository.reverse_credit(
            session,
            activity_id=original["activity_id"],
            person_id=account_id,
            holder_id=sub_account_id(account_id, "pending") if pending else account_id,
            debt_id=sub_account_id(account_id, "debt"),
            requested_by=requested_by,
        )
        if pending:
            await vesting_repository.forget(await driver(session), [original["activity_id"]])
        await repository.give_back_caps(session, usage_of(judgement))
        code = issuance_code(original["methodology_code"])
        returned_mg[system_account_id(code), code] = -original["amount_mg"]
    status: OutcomeStatus = "reversed" if credited else "refused"
    await repository.mark(session, original["activity_id"], status, reason)
    verdict = _verdict(as_reported(original, account_key), status, reason, sequence=original["sequence"] + 1)
    verdict.replaces = Earlier(original["status"], original["reason_code"], original["amount_mg"])
    await closing.add([verdict], returned_mg)


async def revoke(session: Session, *, activity_id: uuid.UUID, requested_by: str, programme: Programme) -> None:
    """An operator's reversal, after a second person approved it: exactly what a partner's cancellation does.

    Raises ActivityNotFound, ActivityReversedAlready, ActivityNotCredited.
    """
    original = await revocable(session, activity_id=activity_id)
    connection = await driver(session)
    partner_id, account_id = original["partner_id"], original["account_id"]
    await posting_repository.lock_people(connection, [account_id])
    await homes_.lock(connection, homes_.subjects_touched(from_row(original)))
    keys = await vesting_repository.account_keys_of(connection, [(partner_id, account_id)])
    closing = Closing()
    await _take_back(
        session,
        original,
        reasons.REVOKED,
        account_key=keys.get((partner_id, account_id), ""),
        requested_by=requested_by,
        closing=closing,
    )
    await posting.close(session, closing, programme=programme)


async def revocable(session: Session, *, activity_id: uuid.UUID) -> Any:
    """The activity, locked, if it has grams to take back. Raises as `revoke` does."""
    original = await repository.locked_activity(session, activity_id)
    if original is None:
        raise ActivityNotFound
    if original["status"] == "reversed":
        raise ActivityReversedAlready
    if original["status"] not in _HAS_GRAMS:
        raise ActivityNotCredited(status=original["status"])
    return original


async def forget_waiting(session: Session, *, programme: Programme) -> None:
    """Refuses corrections whose original never came."""
    rows = await repository.overdue(session, WAITING_LIFE_S, _OVERDUE_MAX)
    verdicts = []
    for row in rows:
        await repository.settle(session, row.event_key, "refused", reasons.ORIGINAL_UNKNOWN)
        report = msgspec.convert(row.report, ActivityReported)
        verdicts.append(_verdict(report, "refused", reasons.ORIGINAL_UNKNOWN, sequence=2))
    closing = Closing()
    await closing.add(verdicts, {})
    await posting.close(session, closing, programme=programme)
