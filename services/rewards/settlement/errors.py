"""Errors of a settlement that was not confirmed, and of one that was not begun."""

from services.rewards.sentences import refusals
from services.rewards.settlement.domain import Reason, Settlement
from shared.amounts import display
from shared.errors import Conflict, TooManyRequests
from shared.language import Text


class TooManyAtOnce(TooManyRequests):
    """The queue is full. Nothing was begun."""

    code = "TOO_MANY_AT_ONCE"
    title_zh = "现在办理的人太多"
    title_en = "Too many people at once"
    detail_zh = "您的减碳量没有变动，请过几秒再试。"
    detail_en = "No grams were taken. Please try again in a few seconds."


class InsufficientBalance(Conflict):
    code = "INSUFFICIENT_BALANCE"
    says = refusals.INSUFFICIENT_BALANCE


class AccountFrozen(Conflict):
    code = "ACCOUNT_FROZEN"
    title_zh = "碳账户已冻结"
    title_en = "The carbon account is frozen"
    detail_zh = "冻结期间不能使用减碳量，新的减碳量照常累计。这次没有扣除减碳量。如有疑问，请联系{contact}。"
    detail_en = (
        "Its grams cannot be used while it is frozen; new ones still arrive. No grams were taken. Ask {contact}."
    )


class HoldRefused(Conflict):
    code = "HOLD_REFUSED"
    says = refusals.HOLD_REFUSED


class SettlementTimedOut(Conflict):
    code = "SETTLEMENT_TIMED_OUT"
    says = refusals.SETTLEMENT_TIMED_OUT


class CalledOff(Conflict):
    code = "CALLED_OFF"
    says = refusals.CALLED_OFF


_BY_REASON: dict[str, type[Conflict]] = {
    Reason.INSUFFICIENT_BALANCE: InsufficientBalance,
    Reason.ACCOUNT_FROZEN: AccountFrozen,
    Reason.HOLD_REFUSED: HoldRefused,
    Reason.SETTLEMENT_TIMED_OUT: SettlementTimedOut,
    Reason.CALLED_OFF: CalledOff,
}


def refusal_for(settlement: Settlement, *, contact: Text) -> Conflict:
    """Return the error that a cancelled settlement is answered with. `contact`: whom a citizen can ask."""
    assert settlement.reason_code is not None
    language = settlement.language
    return _BY_REASON[settlement.reason_code](
        needed=display(settlement.amount_mg, language), contact=contact.pick(language)
    )
