"""Refusals of the ledger."""

from typing import ClassVar

from services.accounting.sentences import refusals
from shared.errors import Conflict, InternalError, NotFound


class InsufficientBalance(Conflict):
    code = "INSUFFICIENT_BALANCE"
    members: ClassVar = {"available_mg": int, "needed_mg": int}
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
    says = refusals.HOLD_NOT_CAPTURED


class CaptureTargetUnknown(Conflict):
    code = "CAPTURE_TARGET_UNKNOWN"
    says = refusals.CAPTURE_TARGET_UNKNOWN


class CaptureTargetExists(Conflict):
    code = "CAPTURE_TARGET_EXISTS"
    says = refusals.CAPTURE_TARGET_EXISTS


class AccountFrozen(Conflict):
    code = "ACCOUNT_FROZEN"
    says = refusals.ACCOUNT_FROZEN


class AccountNotFrozen(Conflict):
    code = "ACCOUNT_NOT_FROZEN"
    says = refusals.ACCOUNT_NOT_FROZEN


class AccountNotFound(NotFound):
    code = "ACCOUNT_NOT_FOUND"
    says = refusals.ACCOUNT_NOT_FOUND


class SpenderNotAllowed(Conflict):
    """Neither a member of the household nor the proxy of the card whose grams these are."""

    code = "SPENDER_NOT_ALLOWED"
    says = refusals.SPENDER_NOT_ALLOWED


class MovementNotAllowed(InternalError):
    """A movement that the chart does not list. The fault is in the calling code."""

    code = "MOVEMENT_NOT_ALLOWED"
    says = refusals.MOVEMENT_NOT_ALLOWED
