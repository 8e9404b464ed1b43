"""Refusals of households."""

from shared.errors import NotFound


class HouseholdNotFound(NotFound):
    """Also raised for a household in which the caller does not live."""

    code = "HOUSEHOLD_NOT_FOUND"
    title_zh = "没有这个家庭账户"
    title_en = "No such household"
    detail_zh = "家庭账户不存在，或您不是其成员。"
    detail_en = "There is no such household, or you are not a member of it."
