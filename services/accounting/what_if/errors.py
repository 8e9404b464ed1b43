"""Refusals of what-if runs."""

from shared.errors import Conflict, InvalidRequest, NotFound


class RunNotFound(NotFound):
    code = "RUN_NOT_FOUND"
    title_zh = "没有这次试算"
    title_en = "No such run"


class TooManyRuns(Conflict):
    code = "TOO_MANY_RUNS"
    retryable = True
    title_zh = "试算过多"
    title_en = "Too many runs"
    detail_zh = "同时至多 {limit} 次试算，请等前面的完成。"
    detail_en = "At most {limit} runs at once. Wait until one has finished."


class PeriodInvalid(InvalidRequest):
    code = "PERIOD_INVALID"
    title_zh = "时段不符合要求"
    title_en = "The period is invalid"
    detail_zh = "应为 {days} 天以内的过去时段，含首日和末日。"
    detail_en = "Give a past period of at most {days} days, first and last day included."
