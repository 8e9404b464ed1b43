"""Refusals of requests about stored activities."""

from services.accounting.sentences import refusals
from shared.errors import Conflict, NotFound


class ActivityNotFound(NotFound):
    code = "ACTIVITY_NOT_FOUND"
    says = refusals.ACTIVITY_NOT_FOUND


class ActivityReversedAlready(Conflict):
    code = "ALREADY_REVERSED"
    says = refusals.ALREADY_REVERSED


class ActivityNotCredited(Conflict):
    code = "ACTIVITY_NOT_CREDITED"
    says = refusals.ACTIVITY_NOT_CREDITED
