"""A partner sends more than agreed. Each refusal has a Retry-After, and nothing of the request was accepted."""

from services.ingest.sentences import refusals
from shared.errors import TooManyRequests


class RequestRateExceeded(TooManyRequests):
    code = "REQUEST_RATE_EXCEEDED"
    says = refusals.REQUEST_RATE_EXCEEDED


class EventRateExceeded(TooManyRequests):
    code = "EVENT_RATE_EXCEEDED"
    says = refusals.EVENT_RATE_EXCEEDED


class DailyBudgetExhausted(TooManyRequests):
    code = "DAILY_BUDGET_EXHAUSTED"
    says = refusals.DAILY_BUDGET_EXHAUSTED
