"""Refusals of the operators' routes of reconciliation."""

from services.rewards.sentences import refusals
from shared.errors import Conflict, NotFound


class RunNotFound(NotFound):
    code = "RECONCILIATION_NOT_FOUND"
    says = refusals.RECONCILIATION_NOT_FOUND


class RunOpen(Conflict):
    code = "RECONCILIATION_RUNNING"
    says = refusals.RECONCILIATION_RUNNING


class NothingToCapture(Conflict):
    code = "NOTHING_TO_CAPTURE"
    says = refusals.NOTHING_TO_CAPTURE
