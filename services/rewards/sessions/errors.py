from shared.errors import Unauthenticated


class SessionEnded(Unauthenticated):
    code = "SESSION_ENDED"
    title_zh = "您已退出登录"
    title_en = "The session has ended"
    detail_zh = "减排量没有扣除。请重新登录后再试。"
    detail_en = "No grams were taken. Log in again and repeat the request."
