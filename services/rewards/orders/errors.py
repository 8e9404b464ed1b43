"""Errors of orders, beside those of stock, budget and settlement."""

from typing import ClassVar
from uuid import UUID

from services.rewards.sentences import refusals
from shared.errors import Conflict, NotFound


class OrderNotFound(NotFound):
    code = "ORDER_NOT_FOUND"
    says = refusals.ORDER_NOT_FOUND


class LimitReached(Conflict):
    code = "LIMIT_REACHED"
    says = refusals.LIMIT_REACHED


class ClientRequestIdUsed(Conflict):
    code = "CLIENT_REQUEST_ID_USED"
    members: ClassVar = {"order_id": UUID}
    says = refusals.CLIENT_REQUEST_ID_USED


class OrderNotCancellable(Conflict):
    code = "ORDER_NOT_CANCELLABLE"
    says = refusals.ORDER_NOT_CANCELLABLE
