"""Errors of refunds."""

from services.rewards.sentences import mall
from shared.errors import Conflict


class OrderNotRefundable(Conflict):
    code = "ORDER_NOT_REFUNDABLE"
    says = mall.ORDER_NOT_REFUNDABLE
