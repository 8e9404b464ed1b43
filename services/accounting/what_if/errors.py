"""Refusals of what-if runs."""

from services.accounting.sentences import refusals
from shared.errors import Conflict, InvalidRequest, NotFound


class RunNotFound(NotFound):
    code = "RUN_NOT_FOUND"
    says = refusals.RUN_NOT_FOUND


class TooManyRuns(Conflict):
    code = "TOO_MANY_RUNS"
    retryable = True
    says = refusals.TOO_MANY_RUNS


class PeriodInvalid(InvalidRequest):
    code = "PERIOD_INVALID"
    says = refusals.PERIOD_INVALID
