"""Refusals and failures of WeChat."""

from shared.errors import AppError, Forbidden, InvalidRequest, TooManyRequests, Unauthenticated, Unavailable


class WxCodeInvalid(Unauthenticated):
    code = "WX_CODE_INVALID"
    title_zh = "微信登录凭证无效"
    title_en = "The WeChat code is not valid"
    detail_zh = "code 无效、已过期或已使用，请重新调用 wx.login。"
    detail_en = "The code is wrong, expired or already used; call wx.login again."


class WxPhoneCodeInvalid(InvalidRequest):
    code = "WX_PHONE_CODE_INVALID"
    title_zh = "手机号凭证无效"
    title_en = "The phone code is not valid"
    detail_zh = "code 无效、已过期或已使用，请重新点击获取手机号。"
    detail_en = "The code is wrong, expired or already used; ask for the phone number again."


class WxUserBlocked(Forbidden):
    code = "WX_USER_BLOCKED"
    title_zh = "该微信用户暂不能登录"
    title_en = "WeChat blocks this user"
    detail_zh = "微信判定该用户为高风险，已拦截登录。"
    detail_en = "WeChat rates this user as high risk and refused the login."


class WxRateLimited(TooManyRequests):
    code = "WX_RATE_LIMITED"
    detail_zh = "微信接口调用过于频繁，请稍后再试。"
    detail_en = "WeChat limits the number of requests; try again later."


class WxBusy(Unavailable):
    code = "WX_BUSY"
    title_zh = "当前登录人数较多"
    title_en = "Many people log in at once"
    detail_zh = "请稍等片刻，重新登录。"
    detail_en = "Wait a moment, then log in with a new code."


class WxUnavailable(Unavailable):
    code = "WX_UNAVAILABLE"
    title_zh = "微信服务暂时不可用"
    title_en = "WeChat is temporarily unavailable"
    detail_zh = "请稍后重新登录再试。"
    detail_en = "Try again in a moment with a new code."


_ALL: tuple[type[AppError], ...] = (WxCodeInvalid, WxUserBlocked, WxRateLimited, WxBusy, WxUnavailable)
REFUSALS = {refusal.code: refusal for refusal in _ALL}
"""Refusals of a log-in by code."""
