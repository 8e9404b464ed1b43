"""Refusals of standing orders."""

from typing import ClassVar

from services.rewards.sentences import donors
from shared.errors import Conflict, NotFound


class StandingOrderNotFound(NotFound):
    code = "STANDING_ORDER_NOT_FOUND"
    says = donors.STANDING_ORDER_NOT_FOUND


class StandingOrderExists(Conflict):
    """The citizen gives to this campaign every month already: `standing_order_id`."""

    code = "STANDING_ORDER_EXISTS"
    members: ClassVar = {"standing_order_id": str}
    says = donors.STANDING_ORDER_EXISTS


class StandingOrderEnded(Conflict):
    code = "STANDING_ORDER_ENDED"
    says = donors.STANDING_ORDER_ENDED


class TooManyStandingOrders(Conflict):
    code = "TOO_MANY_STANDING_ORDERS"
    says = donors.TOO_MANY_STANDING_ORDERS
