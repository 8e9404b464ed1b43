"""Errors of a settlement that was not confirmed."""

from services.rewards.settlement.domain import Reason, Settlement
from shared.amounts import display
from shared.errors import Conflict


class InsufficientBalance(Conflict):
    code = "INSUFFICIENT_BALANCE"
    title_zh = "减碳量不足"
    title_en = "Not enough grams"
    detail_zh = "需要 {needed}。"
    detail_en = "{needed} are needed."


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
    Reason.HOLD_REFUSED: HoldRefused,
    Reason.SETTLEMENT_TIMED_OUT: SettlementTimedOut,
    Reason.CALLED_OFF: CalledOff,
}


def refusal_for(settlement: Settlement) -> Conflict:
    """Return the error that a cancelled settlement is answered with."""
    assert settlement.reason_code is not None
    return _BY_REASON[settlement.reason_code](needed=display(settlement.amount_mg, settlement.language))
