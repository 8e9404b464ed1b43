"""Refusals and failures of WeChat."""

from services.accounts.sentences import refusals
from shared.errors import (
    AppError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)


class WxCodeInvalid(Unauthenticated):
    code = "WX_CODE_INVALID"
    says = refusals.WX_CODE_INVALID


class WxPhoneCodeInvalid(InvalidRequest):
    code = "WX_PHONE_CODE_INVALID"
    says = refusals.WX_PHONE_CODE_INVALID


class WxUserBlocked(Forbidden):
    code = "WX_USER_BLOCKED"
    says = refusals.WX_USER_BLOCKED


class WxRateLimited(TooManyRequests):
    code = "WX_RATE_LIMITED"
    says = refusals.WX_RATE_LIMITED


class WxBusy(Unavailable):
    code = "WX_BUSY"
    says = refusals.WX_BUSY


class WxUnavailable(Unavailable):
    code = "WX_UNAVAILABLE"
    says = refusals.WX_UNAVAILABLE


class WxUnreachable(WxUnavailable):
    """WeChat was not reached: nothing was sent."""


class WxAskLater(Unavailable):
    code = "WX_ASK_LATER"
    says = refusals.WX_ASK_LATER


class WxLogInAgain(Conflict):
    code = "WX_LOG_IN_AGAIN"
    says = refusals.WX_LOG_IN_AGAIN


class WxOtherPerson(Forbidden):
    code = "WX_OTHER_PERSON"
    says = refusals.WX_OTHER_PERSON


class QrPageUnknown(NotFound):
    code = "QR_PAGE_UNKNOWN"
    says = refusals.QR_PAGE_UNKNOWN


_ALL: tuple[type[AppError], ...] = (WxCodeInvalid, WxUserBlocked, WxRateLimited, WxBusy, WxUnavailable)
REFUSALS = {refusal.code: refusal for refusal in _ALL}
"""Refusals of a log-in by code."""
