"""Errors of quotes and offsets."""

from typing import ClassVar

from services.rewards.sentences import loans as says
from shared.errors import Conflict, InvalidRequest, NotFound


class QuoteNotFound(NotFound):
    """Unknown, or of another person: nobody learns which."""

    code = "QUOTE_NOT_FOUND"
    says = says.QUOTE_NOT_FOUND


class QuoteExpired(Conflict):
    code = "QUOTE_EXPIRED"
    says = says.QUOTE_EXPIRED


class QuoteUsed(Conflict):
    code = "QUOTE_USED"
    says = says.QUOTE_USED


class QuoteDiffers(Conflict):
    """The bank has sent other content under this id before."""

    code = "QUOTE_DIFFERS"
    says = says.QUOTE_DIFFERS


class QuoteTooLong(InvalidRequest):
    code = "QUOTE_TOO_LONG"
    says = says.QUOTE_TOO_LONG


class TooManyQuotes(Conflict):
    code = "TOO_MANY_QUOTES"
    says = says.TOO_MANY_QUOTES


class OffsetTooSmall(InvalidRequest):
    code = "OFFSET_TOO_SMALL"
    members: ClassVar = {"min_mg": int}
    says = says.OFFSET_TOO_SMALL


class InterestExceeded(Conflict):
    code = "INTEREST_EXCEEDED"
    members: ClassVar = {"max_mg": int}
    says = says.INTEREST_EXCEEDED


class LoanLimitReached(Conflict):
    code = "LOAN_LIMIT_REACHED"
    members: ClassVar = {"left_fen": int}
    says = says.LOAN_LIMIT_REACHED


class LoansClosed(Conflict):
    """The bank is suspended."""

    code = "LOANS_CLOSED"
    says = says.LOANS_CLOSED


class OffsetNotFound(NotFound):
    code = "OFFSET_NOT_FOUND"
    says = says.OFFSET_NOT_FOUND


class OffsetDecided(Conflict):
    """The bank confirms what was refused or given back, or refuses what it has confirmed."""

    code = "OFFSET_DECIDED"
    members: ClassVar = {"bank_status": str}
    says = says.OFFSET_DECIDED
