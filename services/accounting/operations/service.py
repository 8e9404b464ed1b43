"""What operators may do to the ledger, each with a reason and an entry in the audit log.

Freezing protects and is done by one person at once. Unfreezing and reversing give or take grams: one person proposes,
another one approves, and the act happens in the approval's transaction.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Literal

from services.accounting.activities import service as activities
from services.accounting.activities.posting import Programme
from services.accounting.audit import service as audit
from services.accounting.ledger import service as ledger
from services.accounting.operations import repository
from services.accounting.operations.errors import (
    ProposalDecided,
    ProposalNotFound,
    ProposalOpen,
    SecondPersonNeeded,
)
from shared.db import Session

Kind = Literal["reversal", "unfreeze"]


async def freeze(session: Session, *, account_id: uuid.UUID, reason: str, operator: str) -> None:
    """Raises AccountNotFound, AccountFrozen."""
    await ledger.freeze(session, account_id=account_id)
    await audit.record(
        session,
        subject=operator,
        action="account.freeze",
        about=str(account_id),
        reason=reason,
        before={"frozen": False},
        after={"frozen": True},
    )


async def propose_unfreeze(session: Session, *, account_id: uuid.UUID, reason: str, operator: str) -> Any:
    """Raises AccountNotFrozen, ProposalOpen."""
    await ledger.require_frozen(session, account_id=account_id)
    return await _propose(session, "unfreeze", account_id, reason, operator)


async def propose_reversal(session: Session, *, activity_id: uuid.UUID, reason: str, operator: str) -> Any:
    """Raises ActivityNotFound, ActivityReversedAlready, ActivityNotCredited, ProposalOpen."""
    await activities.require_reversible(session, activity_id=activity_id)
    return await _propose(session, "reversal", activity_id, reason, operator)


async def _propose(session: Session, kind: Kind, subject_id: uuid.UUID, reason: str, operator: str) -> Any:
    row = await repository.add_proposal(session, kind=kind, subject_id=subject_id, reason=reason, proposed_by=operator)
    if row is None:
        raise ProposalOpen
    return row


async def _open(session: Session, proposal_id: uuid.UUID, kind: Kind) -> Any:
    """The proposal, locked until the end of the transaction: two approvals at once make one."""
    row = await repository.locked_proposal(session, proposal_id, kind)
    if row is None:
        raise ProposalNotFound
    if row.status != "open":
        raise ProposalDecided(status=row.status)
    return row


async def approve_unfreeze(session: Session, *, proposal_id: uuid.UUID, operator: str) -> Any:
    """Raises ProposalNotFound, ProposalDecided, SecondPersonNeeded, AccountNotFrozen."""
    row = await _open(session, proposal_id, "unfreeze")
    if row.proposed_by == operator:
        raise SecondPersonNeeded
    await ledger.unfreeze(session, account_id=row.subject_id)
    return await _approved(session, row, operator, "account.unfreeze", {"frozen": True}, {"frozen": False})


async def approve_reversal(session: Session, *, proposal_id: uuid.UUID, operator: str, programme: Programme) -> Any:
    """Takes the activity's grams back, as a partner's cancellation would.

    Raises ProposalNotFound, ProposalDecided, SecondPersonNeeded, ActivityReversedAlready.
    """
    row = await _open(session, proposal_id, "reversal")
    if row.proposed_by == operator:
        raise SecondPersonNeeded
    # The proposal and the audit log first: what all workers share is touched last of all, by the reversal itself.
    before = await activities.require_reversible(session, activity_id=row.subject_id)
    decided = await _approved(session, row, operator, "activity.reverse", before, {**before, "status": "reversed"})
    await activities.reverse(
        session,
        activity_id=row.subject_id,
        requested_by=f"operators:{row.proposed_by}+{operator}",
        programme=programme,
    )
    return decided


async def _approved(
    session: Session, row: Any, operator: str, action: str, before: dict[str, Any], after: dict[str, Any]
) -> Any:
    decided = await repository.decide(session, row.proposal_id, "approved", operator)
    await audit.record(
        session,
        subject=operator,
        action=action,
        about=str(row.subject_id),
        reason=f"{row.reason} (proposal {row.proposal_id} of {row.proposed_by})",
        before=before,
        after=after,
    )
    return decided


async def reject(session: Session, *, proposal_id: uuid.UUID, kind: Kind, operator: str) -> Any:
    """Also the way to withdraw one's own. Raises ProposalNotFound, ProposalDecided."""
    await _open(session, proposal_id, kind)
    return await repository.decide(session, proposal_id, "rejected", operator)


async def open_proposals(session: Session, *, kind: Kind, before: uuid.UUID | None, limit: int) -> Sequence[Any]:
    return await repository.open_proposals(session, kind=kind, before=before, limit=limit)
