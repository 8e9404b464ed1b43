"""What operators propose about the mall. Pure."""

from enum import StrEnum


class MallProposal(StrEnum):
    OPEN_BUDGET = "budget.open"
    RAISE_BUDGET = "budget.raise"
    CLOSE_BUDGET = "budget.close"
    PUBLISH_ITEM = "item.publish"
    CHANGE_ITEM = "item.change"
    OPEN_CAMPAIGN = "campaign.open"
    CHANGE_CAMPAIGN = "campaign.change"
    REFUND_ORDER = "order.refund"
    REGISTER_BANK = "bank.register"
    CHANGE_BANK = "bank.change"
    ADD_BANK_KEY = "bank.key"
    RESUME_BANK = "bank.resume"
    REVOKE_CERTIFICATE = "certificate.revoke"
