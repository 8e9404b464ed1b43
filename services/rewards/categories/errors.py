"""Errors of categories."""

from services.rewards.sentences import mall
from shared.errors import Conflict


class CategoryNotFound(Conflict):
    """An item names a category that does not exist."""

    code = "CATEGORY_NOT_FOUND"
    says = mall.CATEGORY_NOT_FOUND


class TooManyCategories(Conflict):
    code = "TOO_MANY_CATEGORIES"
    says = mall.TOO_MANY_CATEGORIES
