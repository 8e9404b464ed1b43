"""Refusals of the proofs."""

from datetime import date, datetime
from typing import ClassVar

from services.accounting.sentences import refusals
from shared.errors import AppError, Conflict, NotFound


class CreditNotFound(NotFound):
    code = "CREDIT_NOT_FOUND"
    says = refusals.CREDIT_NOT_FOUND


class NotYetSealed(Conflict):
    code = "NOT_YET_SEALED"
    members: ClassVar = {"day": date, "sealed_after": datetime}
    retryable = True
    says = refusals.NOT_YET_SEALED


class DigestNotFound(NotFound):
    code = "DIGEST_NOT_FOUND"
    says = refusals.DIGEST_NOT_FOUND


class SealBroken(AppError):
    """The ledger differs from its seal: someone with more rights than this service changed it."""

    code = "SEAL_BROKEN"
    status = 500
    says = refusals.SEAL_BROKEN
