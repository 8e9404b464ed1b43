"""Refusals of reconciliation."""

from shared.errors import NotFound


class ReportNotFound(NotFound):
    code = "RECONCILIATION_NOT_FOUND"
    title_zh = "没有找到该对账报告"
    title_en = "No such reconciliation report"
    detail_zh = "对账尚未完成，或不属于贵方；进度见 imports。"
    detail_en = "It is not finished yet, or not yours. Its progress is shown under imports."
