"""Later verdicts on stored activities: make pending credits available, take back activities."""

import uuid
from collections.abc import Sequence
from typing import Any

from services.accounting.erased_accounts import service as erased_accounts
from services.accounting.judging import reasons
from services.accounting.judging.domain import usage_of
from services.accounting.judging.stored import counted_keys_of, from_row
from services.accounting.ledger import service as ledger
from services.accounting.posting import counted_repository, freed_room_repository, parked_repository, repository
from services.accounting.posting.closing import Closing
from services.accounting.posting.domain import ReplacedVerdict, report_of_activity, verdict_without_act
from services.accounting.posting.errors import ActivityNotCredited, ActivityNotFound, ActivityReversedAlready
from shared.contracts.outcomes_v1 import Status as OutcomeStatus
from shared.db import Connection, Session, driver

_HAS_GRAMS = frozenset({"credited", "pending"})
TAKEN_BACK_REASONS = frozenset({reasons.CANCELLED, reasons.CORRECTED})


async def due_credits(session: Session, limit: int) -> Sequence[Any]:
    """Return the pending activities that are due by the clock of the database, locked."""
    return await repository.due_credits(await driver(session), limit)


async def mark_available(session: Session, rows: Sequence[Any]) -> None:
    """Set pending activities to credited. The caller moves their grams."""
    await repository.mark_available(await driver(session), [row["activity_id"] for row in rows])


async def locked_activity(session: Session, activity_id: uuid.UUID) -> Any | None:
    return await repository.locked_activity(await driver(session), activity_id)


async def require_reversible(session: Session, *, activity_id: uuid.UUID) -> Any:
    """Return the activity, locked, if it has grams to take back.

    Raises ActivityNotFound, AccountErased, ActivityReversedAlready, ActivityNotCredited.
    """
    original = await locked_activity(session, activity_id)
    if original is None:
        raise ActivityNotFound
    if original["account_id"] is not None:
        await erased_accounts.require_person(session, account_id=original["account_id"])
    if original["status"] == "reversed":
        raise ActivityReversedAlready
    if original["status"] not in _HAS_GRAMS:
        raise ActivityNotCredited
    return original


def is_taken_back(original: Any) -> bool:
    return original["status"] == "reversed" or original["reason_code"] in TAKEN_BACK_REASONS


async def take_back(
    session: Session, original: Any, reason: str, *, account_key: str, requested_by: str, closing: Closing
) -> None:
    """Undo the effects of an activity and give it a new verdict under its own event id.

    The caller holds the locks of its person and of the households and meters that counted it. The room that a credit
    leaves is queued for the acts that were refused for want of it (`freed_room`).
    """
    connection = await driver(session)
    activity_id = original["activity_id"]
    status: OutcomeStatus = "refused"
    if original["status"] in _HAS_GRAMS:
        status = "reversed"
        await ledger.reverse_credit(
            connection,
            activity_id=activity_id,
            requested_by=requested_by,
            shared_balances=closing.shared_balances,
        )
        if original["status"] == "pending":
            await repository.delete_pending(connection, [activity_id])
        if used := usage_of(from_row(original)):
            await repository.give_back_caps(connection, used)
        await _give_back_counted(connection, original)
        await freed_room_repository.add(connection, activity_id)
    await repository.mark_taken_back(connection, activity_id, status, reason)
    await parked_repository.delete_parked(connection, [activity_id])
    verdict = verdict_without_act(
        report_of_activity(original, account_key), status, reason, sequence=original["sequence"] + 1
    )
    verdict.replaces = ReplacedVerdict(original["status"], original["reason_code"], original["amount_mg"])
    await closing.add([verdict])


async def _give_back_counted(connection: Connection, original: Any) -> None:
    """Free the number, meter or vehicle of the activity, so that the act may be credited to somebody else."""
    await counted_repository.give_back(connection, original["activity_id"], *counted_keys_of(original))
