"""Refusals of the operators' routes of reconciliation."""

from shared.errors import Conflict, NotFound


class RunNotFound(NotFound):
    code = "RECONCILIATION_NOT_FOUND"
    title_zh = "没有这次核对"
    title_en = "No such reconciliation"


class RunOpen(Conflict):
    code = "RECONCILIATION_RUNNING"
    title_zh = "已有一次核对正在进行"
    title_en = "A reconciliation is running already"


class NothingToCapture(Conflict):
    code = "NOTHING_TO_CAPTURE"
    title_zh = "这次核对没有待补的扣划"
    title_en = "The reconciliation has no missing capture left"
