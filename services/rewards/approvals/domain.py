"""What operators propose about the mall. Pure."""

from enum import StrEnum


class MallProposal(StrEnum):
    OPEN_BUDGET = "budget.open"
    RAISE_BUDGET = "budget.raise"
    CLOSE_BUDGET = "budget.close"
    PUBLISH_ITEM = "item.publish"
    CHANGE_ITEM = "item.change"
    REFUND_ORDER = "order.refund"
