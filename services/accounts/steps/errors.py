"""Failures of reading steps."""

from services.accounts.sentences import refusals
from shared.errors import Unavailable


class StepsNotReported(Unavailable):
    code = "STEPS_NOT_REPORTED"
    says = refusals.STEPS_NOT_REPORTED
