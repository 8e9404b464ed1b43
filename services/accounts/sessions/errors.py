from shared.errors import Unauthenticated


class RefreshTokenInvalid(Unauthenticated):
    code = "REFRESH_TOKEN_INVALID"
    title_zh = "登录已失效"
    title_en = "The session has ended"
    detail_zh = "请重新调用 wx.login 登录。"
    detail_en = "Log in again with wx.login."


class SessionEnded(Unauthenticated):
    code = "SESSION_ENDED"
    title_zh = "您已退出登录"
    title_en = "The session has ended"
    detail_zh = "请重新登录后再试。"
    detail_en = "Log in again and repeat the request."


class RefreshTokenReused(RefreshTokenInvalid):
    code = "REFRESH_TOKEN_REUSED"
    detail_zh = "该 refresh_token 已使用过，为安全起见本次登录已全部失效，请重新登录。"
    detail_en = "This refresh token was used before; for your safety the whole session has been revoked. Log in again."
