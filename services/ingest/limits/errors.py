"""A partner sends more than agreed. Each refusal has a Retry-After, and nothing of the request was accepted."""

from shared.errors import TooManyRequests


class RequestRateExceeded(TooManyRequests):
    code = "REQUEST_RATE_EXCEEDED"
    detail_zh = "每秒最多 {limit} 个请求；请合并为批量请求，并在 Retry-After 之后重试。"
    detail_en = "At most {limit} requests a second: send batches, and retry after Retry-After."


class EventRateExceeded(TooManyRequests):
    code = "EVENT_RATE_EXCEEDED"
    title_zh = "上报过快"
    title_en = "Too many events"
    detail_zh = "每秒最多 {limit} 条事件；请在 Retry-After 之后用相同的事件 id 重试。"
    detail_en = "At most {limit} events a second: send the same ids again after Retry-After."


class DailyBudgetExhausted(TooManyRequests):
    code = "DAILY_BUDGET_EXHAUSTED"
    title_zh = "当日限额不足"
    title_en = "The day's budget does not cover this"
    detail_zh = "每日最多 {limit} 条事件，今日已接收 {used} 条；请于次日重试，或联系运营人员调整限额。"
    detail_en = "At most {limit} events a day, {used} were accepted today: retry tomorrow, or contact the operators."
