"""Refusals of the feed."""

from shared.errors import AppError


class OutcomesExpired(AppError):
    code = "OUTCOMES_EXPIRED"
    status = 410
    title_zh = "这个位置之后的部分结果已不再保留"
    title_en = "Some results after this position are no longer kept"
    detail_zh = "结果保留 30 天。请去掉 after，从最早保留的一条读起；更早的可逐条查询，或用对账核对。"
    detail_en = (
        "Results are kept for 30 days. Leave out `after` to start with the oldest one kept. Query older events one by"
        " one, or reconcile their day."
    )
