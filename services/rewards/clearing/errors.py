"""Errors of the settlement of merchants."""

from services.rewards.sentences import settlements
from shared.errors import NotFound, Unavailable


class DayNotReached(NotFound):
    code = "SETTLEMENT_DAY_NOT_REACHED"
    says = settlements.SETTLEMENT_DAY_NOT_REACHED


class PrinterBusy(Unavailable):
    code = "PDF_BUSY"
    says = settlements.PDF_BUSY
