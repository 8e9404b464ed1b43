"""Which kinds of proposals are decided here: those of items, budgets, refunds and banks."""

from typing import Final

from services.rewards.approvals.domain import MallProposal
from services.rewards.banks import service as banks
from services.rewards.budgets import service as budgets
from services.rewards.campaign_plans import service as campaign_plans
from services.rewards.mall import service as mall
from services.rewards.refunds import service as refunds
from shared.approvals_kinds import Kind


def kinds() -> tuple[Kind, ...]:
    return (*budgets.kinds(), *mall.kinds(), *campaign_plans.kinds(), *refunds.kinds(), *banks.kinds())


SCOPE: Final = mall.SCOPE
NAMES: Final = tuple(MallProposal)
REFUND: Final = refunds.REFUND
