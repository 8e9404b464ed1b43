"""Refusals of the ledger."""

from shared.errors import Conflict, InternalError, NotFound


class InsufficientBalance(Conflict):
    code = "INSUFFICIENT_BALANCE"
    title_zh = "减碳量不足"
    title_en = "Not enough grams"
    detail_zh = "可用 {available}，需要 {needed}。"
    detail_en = "Available: {available}. Needed: {needed}."


class HoldNotFound(NotFound):
    code = "HOLD_NOT_FOUND"
    title_zh = "没有这笔冻结"
    title_en = "No such hold"


class HoldDiffers(Conflict):
    code = "HOLD_DIFFERS"
    title_zh = "同一标识的冻结内容不同"
    title_en = "A hold with this id has other fields"


class HoldSettled(Conflict):
    code = "HOLD_SETTLED"
    title_zh = "这笔冻结已经结束"
    title_en = "This hold has ended"
    detail_zh = "当前状态：{status}。"
    detail_en = "Its status is {status}."


class HoldExpiryInvalid(Conflict):
    code = "HOLD_EXPIRY_INVALID"
    title_zh = "冻结期限无效"
    title_en = "The expiry of the hold is invalid"
    detail_zh = "期限须在现在之后、{days} 天之内。"
    detail_en = "It must lie in the future and within {days} days."


class HoldNotCaptured(Conflict):
    code = "HOLD_NOT_CAPTURED"
    title_zh = "这笔冻结没有扣划，不能退回"
    title_en = "Only a captured hold can be refunded"
    detail_zh = "当前状态：{status}。"
    detail_en = "Its status is {status}."


class CaptureTargetUnknown(Conflict):
    code = "CAPTURE_TARGET_UNKNOWN"
    title_zh = "账本没有这个收方"
    title_en = "The ledger does not know this receiver"
    detail_zh = "{code} 须先由两位运营人员登记。"
    detail_en = "Two operators have to register {code} first."


class CaptureTargetExists(Conflict):
    code = "CAPTURE_TARGET_EXISTS"
    title_zh = "这个收方已登记"
    title_en = "This receiver is registered already"


class AccountFrozen(Conflict):
    code = "ACCOUNT_FROZEN"
    title_zh = "账户已冻结"
    title_en = "The account is frozen"
    detail_zh = "冻结期间不能使用减碳量，新的减碳量照常累计。"
    detail_en = "Its grams cannot be used while it is frozen. New grams are still credited."


class AccountNotFrozen(Conflict):
    code = "ACCOUNT_NOT_FROZEN"
    title_zh = "账户没有冻结"
    title_en = "The account is not frozen"


class AccountNotFound(NotFound):
    code = "ACCOUNT_NOT_FOUND"
    title_zh = "没有这个个人碳账户"
    title_en = "No such personal account"


class MovementNotAllowed(InternalError):
    """A movement that the chart does not list. The fault is in the calling code."""

    code = "MOVEMENT_NOT_ALLOWED"
    detail_zh = "账本不允许这种划转：{kind}，{debit} → {credit}。"
    detail_en = "The ledger does not allow this movement: {kind}, {debit} → {credit}."
