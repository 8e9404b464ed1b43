"""Errors of a settlement that was not confirmed, and of one that was not begun."""

from services.rewards.sentences import loans, mall, refusals
from services.rewards.settlement.domain import Reason, Settlement
from shared.amounts import grams
from shared.errors import Conflict, TooManyRequests
from shared.language import Text


class TooManyAtOnce(TooManyRequests):
    """The queue is full. Nothing was begun."""

    code = "TOO_MANY_AT_ONCE"
    says = refusals.TOO_MANY_AT_ONCE


class InsufficientBalance(Conflict):
    code = "INSUFFICIENT_BALANCE"
    says = refusals.INSUFFICIENT_BALANCE


class AccountFrozen(Conflict):
    code = "ACCOUNT_FROZEN"
    says = refusals.ACCOUNT_FROZEN


class SpenderNotAllowed(Conflict):
    """The citizen is neither a member of the household nor the proxy of the card whose grams were asked for."""

    code = "SPENDER_NOT_ALLOWED"
    says = refusals.SPENDER_NOT_ALLOWED


class MonthlyLimitReached(Conflict):
    code = "MONTHLY_LIMIT_REACHED"
    says = refusals.MONTHLY_LIMIT_REACHED


class AgreementRequired(Conflict):
    code = "AGREEMENT_REQUIRED"
    says = refusals.AGREEMENT_REQUIRED


class HoldRefused(Conflict):
    code = "HOLD_REFUSED"
    says = refusals.HOLD_REFUSED


class SettlementTimedOut(Conflict):
    code = "SETTLEMENT_TIMED_OUT"
    says = refusals.SETTLEMENT_TIMED_OUT


class CalledOff(Conflict):
    code = "CALLED_OFF"
    says = refusals.CALLED_OFF


class Refunded(Conflict):
    """An operator has given the order back."""

    code = "REFUNDED"
    says = mall.REFUNDED


class BankRefused(Conflict):
    code = "BANK_REFUSED"
    says = loans.BANK_REFUSED


class BankSilent(Conflict):
    """The bank has not answered in time."""

    code = "BANK_SILENT"
    says = loans.BANK_SILENT


_BY_REASON: dict[str, type[Conflict]] = {
    Reason.INSUFFICIENT_BALANCE: InsufficientBalance,
    Reason.ACCOUNT_FROZEN: AccountFrozen,
    Reason.SPENDER_NOT_ALLOWED: SpenderNotAllowed,
    Reason.MONTHLY_LIMIT_REACHED: MonthlyLimitReached,
    Reason.AGREEMENT_REQUIRED: AgreementRequired,
    Reason.HOLD_REFUSED: HoldRefused,
    Reason.SETTLEMENT_TIMED_OUT: SettlementTimedOut,
    Reason.CALLED_OFF: CalledOff,
    Reason.REFUNDED: Refunded,
    Reason.BANK_REFUSED: BankRefused,
    Reason.BANK_SILENT: BankSilent,
}


def refusal_for(settlement: Settlement, *, contact: Text) -> Conflict:
    """Return the error that a cancelled settlement is answered with. `contact`: whom a citizen can ask."""
    assert settlement.reason_code is not None
    return _BY_REASON[settlement.reason_code](needed=grams(settlement.amount_mg), contact=contact)
