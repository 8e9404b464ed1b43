"""Which kinds of proposals are decided here: items, budgets, campaigns, refunds, banks and certificates."""

from typing import Final

from services.rewards.approvals.domain import MallProposal
from services.rewards.banks import service as banks
from services.rewards.budgets import service as budgets
from services.rewards.campaign_plans import service as campaign_plans
from services.rewards.certificates import revoking
from services.rewards.mall import service as mall
from services.rewards.refunds import service as refunds
from shared.approvals_kinds import Kind
from shared.contracts import topics


def kinds(*, topic: str = topics.REWARDS) -> tuple[Kind, ...]:
    """`topic`: the events of this service."""
    return (
        *budgets.kinds(),
        *mall.kinds(),
        *campaign_plans.kinds(),
        *refunds.kinds(),
        *banks.kinds(),
        *revoking.kinds(topic=topic),
    )


SCOPE: Final = mall.SCOPE
NAMES: Final = tuple(MallProposal)
REFUND: Final = refunds.REFUND
