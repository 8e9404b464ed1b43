"""Errors of the operators' mall."""

from services.rewards.sentences import mall
from shared.errors import Conflict


class ItemNotADraft(Conflict):
    code = "ITEM_NOT_A_DRAFT"
    says = mall.ITEM_NOT_A_DRAFT


class ItemNotPublished(Conflict):
    code = "ITEM_NOT_PUBLISHED"
    says = mall.ITEM_NOT_PUBLISHED


class ItemPublished(Conflict):
    code = "ITEM_PUBLISHED"
    says = mall.ITEM_PUBLISHED


class ItemChanged(Conflict):
    """A proposal names the version that it is about. The item has another one by now."""

    code = "ITEM_CHANGED"
    says = mall.ITEM_CHANGED


class NothingChanged(Conflict):
    code = "NOTHING_CHANGED"
    says = mall.NOTHING_CHANGED


class TooManyItems(Conflict):
    code = "TOO_MANY_ITEMS"
    says = mall.TOO_MANY_ITEMS
