"""Refusals of the ledger."""

from services.accounting.sentences import refusals
from shared.errors import Conflict, InternalError, NotFound


class InsufficientBalance(Conflict):
    code = "INSUFFICIENT_BALANCE"
    says = refusals.INSUFFICIENT_BALANCE


class HoldNotFound(NotFound):
    code = "HOLD_NOT_FOUND"
    says = refusals.HOLD_NOT_FOUND


class HoldDiffers(Conflict):
    code = "HOLD_DIFFERS"
    says = refusals.HOLD_DIFFERS


class HoldSettled(Conflict):
    code = "HOLD_SETTLED"
    says = refusals.HOLD_SETTLED


class HoldExpiryInvalid(Conflict):
    code = "HOLD_EXPIRY_INVALID"
    says = refusals.HOLD_EXPIRY_INVALID


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
    says = refusals.ACCOUNT_FROZEN


class AccountNotFrozen(Conflict):
    code = "ACCOUNT_NOT_FROZEN"
    says = refusals.ACCOUNT_NOT_FROZEN


class AccountNotFound(NotFound):
    code = "ACCOUNT_NOT_FOUND"
    says = refusals.ACCOUNT_NOT_FOUND


class MovementNotAllowed(InternalError):
    """A movement that the chart does not list. The fault is in the calling code."""

    code = "MOVEMENT_NOT_ALLOWED"
    says = refusals.MOVEMENT_NOT_ALLOWED
