from datetime import datetime
from typing import ClassVar, Literal

from services.accounts.sentences import refusals
from shared.errors import Conflict, InvalidRequest, NotFound


class BindingNotFound(NotFound):
    code = "BINDING_NOT_FOUND"
    says = refusals.BINDING_NOT_FOUND


class BindingNotPending(Conflict):
    code = "BINDING_NOT_PENDING"
    says = refusals.BINDING_NOT_PENDING


class BindingModeUnavailable(Conflict):
    """Extension `supported_modes`: the modes that work with this partner."""

    code = "BINDING_MODE_UNAVAILABLE"
    members: ClassVar = {"supported_modes": list[Literal["oauth", "phone_hash", "token", "account_no"]]}
    says = refusals.BINDING_MODE_UNAVAILABLE


class BindingNeedsToken(InvalidRequest):
    code = "BINDING_NEEDS_TOKEN"
    says = refusals.BINDING_NEEDS_TOKEN


class BindingAlreadyExists(Conflict):
    code = "BINDING_ALREADY_EXISTS"
    says = refusals.BINDING_ALREADY_EXISTS


class PartnerAccountTaken(Conflict):
    code = "PARTNER_ACCOUNT_TAKEN"
    says = refusals.PARTNER_ACCOUNT_TAKEN


class BindingLimitReached(Conflict):
    code = "BINDING_LIMIT_REACHED"
    says = refusals.BINDING_LIMIT_REACHED


class PhoneRequired(Conflict):
    code = "PHONE_REQUIRED"
    says = refusals.PHONE_REQUIRED


class CountsFromOutOfRange(InvalidRequest):
    """Extensions `earliest` and `latest` (RFC 3339)."""

    code = "COUNTS_FROM_OUT_OF_RANGE"
    members: ClassVar = {"earliest": datetime, "latest": datetime}
    says = refusals.COUNTS_FROM_OUT_OF_RANGE


class BindingTokenInvalid(NotFound):
    """One answer for unknown, expired, used, and issued for another partner, so that guessing reveals nothing."""

    code = "BINDING_TOKEN_INVALID"
    says = refusals.BINDING_TOKEN_INVALID
