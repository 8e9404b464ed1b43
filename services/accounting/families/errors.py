"""Refusals of spending for others."""

from typing import ClassVar

from services.accounting.sentences import refusals
from shared.errors import Conflict, NotFound


class MonthlyLimitReached(Conflict):
    """The spender's limit of this month, in a household or for a family card."""

    code = "MONTHLY_LIMIT_REACHED"
    members: ClassVar = {"left_mg": int, "needed_mg": int}
    says = refusals.MONTHLY_LIMIT_REACHED


class AgreementRequired(Conflict):
    """Also for an agreement that is incomplete, ended, used, or about something else."""

    code = "AGREEMENT_REQUIRED"
    says = refusals.AGREEMENT_REQUIRED


class AgreementNotFound(NotFound):
    """Also for an agreement of another household."""

    code = "AGREEMENT_NOT_FOUND"
    says = refusals.AGREEMENT_NOT_FOUND


class AgreementClosed(Conflict):
    code = "AGREEMENT_CLOSED"
    says = refusals.AGREEMENT_CLOSED


class TooManyAgreements(Conflict):
    code = "TOO_MANY_AGREEMENTS"
    says = refusals.TOO_MANY_AGREEMENTS
