"""Use cases of disputes: raise one, list them, decide by two operators."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from services.rewards.audit.service import log
from services.rewards.disputes import repository
from services.rewards.disputes.domain import DECIDE, DisputeKind, DisputeStatus, Outcome, adjustment_fen
from services.rewards.disputes.errors import DisputeDecided, DisputeExists, DisputeNotFound, NothingToDispute
from services.rewards.redemptions import service as redemptions
from services.rewards.redemptions.domain import Place
from services.rewards.redemptions.errors import RedemptionNotFound
from services.rewards.vouchers.using import Presented
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal, spell_uuid
from shared.auth.tokens import Operator
from shared.db import Session
from shared.ids import new_id

SCOPE = "ops:rewards"


async def raise_dispute(
    session: Session,
    *,
    redemption_id: uuid.UUID,
    kind: DisputeKind,
    claim: str,
    opened_by: str,
    merchant_id: str | None = None,
) -> Any:
    """Raise a dispute about a redemption. Return its row. `merchant_id`: it must be of this merchant.

    A merchant says that an undone redemption was handed out all the same. A sponsor says that one that stands was not.
    Raises RedemptionNotFound, NothingToDispute, DisputeExists.
    """
    about = await redemptions.get(session, redemption_id=redemption_id)
    if merchant_id not in {None, about.merchant_id}:
        raise RedemptionNotFound
    if (about.undone_at is None) == (kind is DisputeKind.MERCHANT):
        raise NothingToDispute
    dispute_id = new_id()
    values = {
        "dispute_id": dispute_id,
        "kind": kind,
        "merchant_id": about.merchant_id,
        "shop_id": about.shop_id,
        "sponsor_id": about.sponsor_id,
        "item_id": about.item_id,
        "order_id": about.order_id,
        "voucher_id": about.voucher_id,
        "redemption_id": redemption_id,
        "accepted_at": about.redeemed_at,
        "fen": about.fen,
        "claim": claim,
        "opened_by": opened_by,
    }
    if not await repository.add(session, values):
        raise DisputeExists
    await _note_opened(session, dispute_id, kind, opened_by, claim, about.fen)
    return await repository.get(session, dispute_id)


async def open_from_report(
    session: Session,
    *,
    kind: DisputeKind,
    voucher: Presented,
    place: Place,
    report_id: uuid.UUID,
    accepted_at: datetime,
    sponsor_id: str,
    fen: int,
    claim: str,
) -> uuid.UUID:
    """Open the dispute about a voucher that a till accepted without a line, and that had ended. Safe to repeat."""
    dispute_id = new_id()
    values = {
        "dispute_id": dispute_id,
        "kind": kind,
        "merchant_id": place.merchant_id,
        "shop_id": place.shop_id,
        "sponsor_id": sponsor_id,
        "item_id": voucher.item_id,
        "order_id": voucher.order_id,
        "voucher_id": voucher.voucher_id,
        "redemption_id": voucher.use_id,
        "report_id": report_id,
        "accepted_at": accepted_at,
        "fen": fen,
        "claim": claim,
        "opened_by": place.subject,
    }
    if not await repository.add(session, values):
        row = await repository.of_report(session, report_id)
        assert row is not None
        found: uuid.UUID = row.dispute_id
        return found
    await _note_opened(session, dispute_id, kind, place.subject, claim, fen)
    return dispute_id


async def of_report(session: Session, *, report_id: uuid.UUID) -> Any | None:
    return await repository.of_report(session, report_id)


async def _note_opened(
    session: Session, dispute_id: uuid.UUID, kind: str, opened_by: str, claim: str, fen: int
) -> None:
    await log.record(
        session,
        subject=opened_by,
        action="dispute.open",
        about=f"dispute:{dispute_id}",
        reason=claim,
        after={"kind": kind, "fen": fen, "status": "open"},
    )


async def list_disputes(
    session: Session,
    *,
    merchant_id: str | None = None,
    status: DisputeStatus | None = None,
    before: uuid.UUID | None = None,
    limit: int,
) -> Sequence[Any]:
    """Newest first."""
    return await repository.page(session, merchant_id=merchant_id, status=status, before=before, limit=limit)


async def propose_decision(
    session: Session,
    approvals: Approvals,
    *,
    dispute_id: uuid.UUID,
    outcome: Outcome,
    operator: Operator,
    reason: str,
) -> Proposal:
    """A second person approves. Raises DisputeNotFound, DisputeDecided, ProposalOpen."""
    return await approvals.propose(
        session,
        kind=DECIDE,
        subject=str(dispute_id),
        content={"outcome": outcome},
        reason=reason,
        operator=operator,
    )


def kinds() -> tuple[Kind, ...]:
    return (Kind(name=DECIDE, scope=SCOPE, preview=_preview, act=_decide, spell=spell_uuid),)


async def _preview(session: Session, subject: str, content: Mapping[str, Any]) -> Change:
    row = await repository.get(session, uuid.UUID(subject), lock=True)
    if row is None:
        raise DisputeNotFound
    if row.status != DisputeStatus.OPEN:
        raise DisputeDecided
    adjusted_fen = adjustment_fen(row.kind, content["outcome"], row.fen)
    return Change({"status": row.status}, {"status": content["outcome"], "adjusted_fen": adjusted_fen})


async def _decide(session: Session, proposal: Proposal) -> None:
    row = await repository.get(session, uuid.UUID(proposal.subject))
    assert row is not None
    outcome = proposal.content["outcome"]
    await repository.decide(
        session,
        row.dispute_id,
        status=outcome,
        adjusted_fen=adjustment_fen(row.kind, outcome, row.fen),
        decision=proposal.reason,
    )


async def adjustments_of_day(session: Session, *, day: date) -> Sequence[Any]:
    """Return rows (merchant_id, shop_id, sponsor_id, item_id, fen) decided on a day that is not closed."""
    return await repository.sums_of_day(session, day)


async def clear_adjustments(session: Session, *, day: date) -> Sequence[Any]:
    """Put what was decided until this day into its settlement, and return the sums."""
    return await repository.clear(session, day)
