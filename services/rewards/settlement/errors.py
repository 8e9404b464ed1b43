"""Errors of a settlement that was not confirmed, and of one that was not begun."""

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
    title_zh = "减碳量不足"
    title_en = "Not enough grams"
    detail_zh = "需要 {needed}。"
    detail_en = "{needed} are needed."


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
    title_zh = "碳账户暂不能支付"
    title_en = "The carbon account cannot pay now"
    detail_zh = "减碳量没有扣除。"
    detail_en = "No grams were taken."


class SettlementTimedOut(Conflict):
    code = "SETTLEMENT_TIMED_OUT"
    title_zh = "未能及时完成，已取消"
    title_en = "Not completed in time, cancelled"
    detail_zh = "减碳量已退回，请重新发起。"
    detail_en = "The grams are back in the account; please start again."


class CalledOff(Conflict):
    code = "CALLED_OFF"
    title_zh = "已取消"
    title_en = "Cancelled"
    detail_zh = "已按您的请求取消，减碳量没有扣除。"
    detail_en = "Cancelled as you asked; no grams were taken."


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
