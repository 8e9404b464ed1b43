"""Refusals of requests about stored activities."""

from shared.errors import Conflict, NotFound


class ActivityNotFound(NotFound):
    code = "ACTIVITY_NOT_FOUND"
    title_zh = "没有这条减碳记录"
    title_en = "No such activity"


class ActivityReversedAlready(Conflict):
    code = "ALREADY_REVERSED"
    title_zh = "这条减碳记录已经撤销过"
    title_en = "This activity is reversed already"


class ActivityNotCredited(Conflict):
    code = "ACTIVITY_NOT_CREDITED"
    title_zh = "这条减碳记录没有累计，不能撤销"
    title_en = "Only a credited activity can be reversed"
    detail_zh = "当前状态：{status}。"
    detail_en = "Its status is {status}."
