"""Errors of the catalogue."""

from services.rewards.sentences import mall, refusals
from shared.errors import Conflict, NotFound


class ItemNotFound(NotFound):
    code = "ITEM_NOT_FOUND"
    says = refusals.ITEM_NOT_FOUND


class SoldOut(Conflict):
    code = "SOLD_OUT"
    says = refusals.SOLD_OUT


class SaleClosed(Conflict):
    code = "SALE_CLOSED"
    says = refusals.SALE_CLOSED


class ItemExists(Conflict):
    code = "ITEM_EXISTS"
    says = mall.ITEM_EXISTS
