"""Use cases of refunds.

The approval moves the order to `returning` and withdraws its vouchers. Then the engine of settlements goes on as with
every return: accounting refunds the grams, then stock, limits and budget are given back. A crash in between leaves an
order that the worker drives on.
"""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from services.rewards.approvals.domain import MallProposal
from services.rewards.orders import service as orders
from services.rewards.refunds.errors import OrderNotRefundable
from services.rewards.settlement.domain import Status
from shared.approvals import Approvals
from shared.approvals_kinds import Change, Kind, Proposal, spell_uuid
from shared.auth.tokens import Operator
from shared.db import Session

SCOPE: Final = "ops:rewards"
REFUND: Final = MallProposal.REFUND_ORDER


async def propose(
    session: Session, approvals: Approvals, *, order_id: uuid.UUID, reason: str, operator: Operator
) -> Proposal:
    """Raises OrderNotFound, OrderNotRefundable, ProposalOpen."""
    return await approvals.propose(session, kind=REFUND, subject=str(order_id), reason=reason, operator=operator)


def kinds() -> tuple[Kind, ...]:
    return (Kind(name=REFUND, scope=SCOPE, preview=_preview, act=_begin, spell=spell_uuid),)


async def _preview(session: Session, subject: str, _content: Mapping[str, Any]) -> Change:
    row = await orders.get_order(session, order_id=uuid.UUID(subject))
    if row.status != Status.CONFIRMED:
        raise OrderNotRefundable
    before = {
        "status": row.status,
        "item_id": row.item_id,
        "quantity": row.quantity,
        "amount_mg": row.amount_mg,
        "cost_fen": row.cost_fen,
        "budget_id": row.budget_id,
    }
    return Change(before, {**before, "status": Status.RETURNING})


async def _begin(session: Session, proposal: Proposal) -> None:
    """The citizen may have given the order back a moment ago: then nothing is left to refund."""
    if not await orders.begin_refund(session, order_id=uuid.UUID(proposal.subject)):
        raise OrderNotRefundable
