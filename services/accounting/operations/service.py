"""Operators' acts on the ledger: freeze, unfreeze and reverse, each with a reason and an audit entry.

Freezing protects, so one person does it. Unfreezing and reversing give or take grams, so one person proposes them and
another person approves.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal

from services.accounting.audit import service as audit
from services.accounting.corrections import service as corrections
from services.accounting.ledger import service as ledger
from services.accounting.ledger import targets
from services.accounting.operations.publishing import publish_freeze
from services.accounting.posting.closing import Programme
from shared import clock
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal, spell_uuid
from shared.auth.tokens import Operator
from shared.contracts.account_state import FreezeReason
from shared.db import Session
from shared.language import Text

SCOPE: Final = "ops:ledger"

KindName = Literal["reversal", "unfreeze", "capture_target"]
LoadProgramme = Callable[[Session], Awaitable[Programme]]


async def freeze_account(
    session: Session, *, topic: str, account_id: uuid.UUID, reason: str, code: FreezeReason, operator: str
) -> None:
    """Freeze an account and publish it to `topic`. Raises AccountNotFound, AccountFrozen."""
    await ledger.freeze_account(session, account_id=account_id, reason=code)
    since, _ = await ledger.frozen_since(session, account_id=account_id)
    assert since is not None  # it was frozen just now
    await publish_freeze(session, topic=topic, account_id=account_id, frozen=True, reason=code, at=since)
    await audit.record(
        session,
        subject=operator,
        action="account.freeze",
        about=str(account_id),
        reason=reason,
        before={"frozen": False},
        after={"frozen": True, "reason_code": code},
    )


async def propose_unfreeze(
    session: Session, approvals: Approvals, *, account_id: uuid.UUID, reason: str, operator: Operator
) -> Proposal:
    """Propose to unfreeze an account. Raises AccountNotFrozen, ProposalOpen."""
    return await approvals.propose(session, kind="unfreeze", subject=str(account_id), reason=reason, operator=operator)


async def propose_reversal(
    session: Session, approvals: Approvals, *, activity_id: uuid.UUID, reason: str, operator: Operator
) -> Proposal:
    """Propose to reverse an activity.

    Raises ActivityNotFound, ActivityReversedAlready, ActivityNotCredited, ProposalOpen.
    """
    return await approvals.propose(session, kind="reversal", subject=str(activity_id), reason=reason, operator=operator)


async def propose_capture_target(
    session: Session, approvals: Approvals, *, code: str, title: Text, reason: str, operator: Operator
) -> Proposal:
    """Propose a receiver of captures: a sponsor or a campaign. Raises CaptureTargetExists, ProposalOpen."""
    content = {"title_zh": title.zh, "title_en": title.en}
    return await approvals.propose(
        session, kind="capture_target", subject=code, content=content, reason=reason, operator=operator
    )


async def approve(
    session: Session,
    approvals: Approvals,
    *,
    kind: KindName,
    proposal_id: uuid.UUID,
    operator: Operator,
    reason: str | None = None,
) -> Proposal:
    """Approve a proposal and act on it. Raises ProposalNotFound, ProposalDecided, SecondPersonNeeded.

    Also AccountNotFrozen for an unfreeze, and ActivityReversedAlready or ActivityNotCredited for a reversal.
    """
    return await approvals.approve(session, proposal_id=proposal_id, kinds=(kind,), operator=operator, reason=reason)


async def reject(
    session: Session,
    approvals: Approvals,
    *,
    kind: KindName,
    proposal_id: uuid.UUID,
    operator: Operator,
    reason: str | None = None,
) -> Proposal:
    """Withdraw the operator's own proposal, or reject another's. Raises ProposalNotFound, ProposalDecided."""
    return await approvals.reject_or_withdraw(
        session, proposal_id=proposal_id, kinds=(kind,), operator=operator, reason=reason
    )


async def open_proposals(
    session: Session, approvals: Approvals, *, kind: KindName, before: uuid.UUID | None, limit: int
) -> Sequence[Proposal]:
    return await approvals.newest(session, kinds=(kind,), statuses=("open",), before=before, limit=limit)


def kinds(load_programme: LoadProgramme, *, freezes_topic: str) -> tuple[Kind, ...]:
    """Return the kinds of this room. A reversal needs the programme, because it closes like the posting path."""

    async def reverse(session: Session, proposal: Proposal) -> None:
        await corrections.reverse_activity(
            session,
            activity_id=uuid.UUID(proposal.subject),
            requested_by=f"operators:{proposal.proposed_by}+{proposal.decided_by}",
            programme=await load_programme(session),
        )

    return (
        Kind(
            name="reversal",
            scope=SCOPE,
            preview=_preview_reversal,
            act=reverse,
            spell=spell_uuid,
            approved_action="activity.reverse",
        ),
        Kind(
            name="unfreeze",
            scope=SCOPE,
            preview=_preview_unfreeze,
            act=partial(_unfreeze, topic=freezes_topic),
            spell=spell_uuid,
            approved_action="account.unfreeze",
        ),
        Kind(
            name="capture_target",
            scope=SCOPE,
            preview=_preview_capture_target,
            act=_add_capture_target,
            approved_action="capture_target.add",
        ),
    )


async def _preview_reversal(session: Session, subject: str, _content: Mapping[str, Any]) -> Change:
    """Return what a reversal would change. Locks the activity.

    Raises ActivityNotFound, ActivityReversedAlready, ActivityNotCredited.
    """
    before = await corrections.require_reversible(session, activity_id=uuid.UUID(subject))
    return Change(before, {**before, "status": "reversed"})


async def _preview_unfreeze(session: Session, subject: str, _content: Mapping[str, Any]) -> Change:
    """Return what an unfreezing would change. Raises AccountNotFrozen."""
    await ledger.require_frozen(session, account_id=uuid.UUID(subject))
    return Change({"frozen": True}, {"frozen": False})


async def _preview_capture_target(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    """Return the new receiver. Raises CaptureTargetExists."""
    await targets.require_new(session, code=subject)
    return Change({}, {"code": subject, **content})


async def _add_capture_target(session: Session, proposal: Proposal) -> None:
    title = Text(proposal.content["title_zh"], proposal.content["title_en"])
    await targets.add(session, code=proposal.subject, title=title)


async def _unfreeze(session: Session, proposal: Proposal, *, topic: str) -> None:
    account_id = uuid.UUID(proposal.subject)
    await ledger.unfreeze_account(session, account_id=account_id)
    await publish_freeze(session, topic=topic, account_id=account_id, frozen=False, reason=None, at=clock.now())
