from shared.errors import NotFound, Unauthenticated


class OperatorSessionEnded(Unauthenticated):
    code = "OPERATOR_SESSION_ENDED"
    title_zh = "登录已结束"
    title_en = "The session has ended"
    detail_zh = "登录满 8 小时、已退出或已被终止，请重新登录。"
    detail_en = "It lived 8 hours, was ended or revoked. Log in again."


class OperatorRefreshInvalid(Unauthenticated):
    code = "OPERATOR_REFRESH_INVALID"
    title_zh = "登录已失效"
    title_en = "The refresh token is not valid"
    detail_zh = "refresh_token 无效或已使用过，请重新登录。"
    detail_en = "It is wrong or was used before. Log in again."


class LogInUnknown(Unauthenticated):
    code = "LOG_IN_UNKNOWN"
    title_zh = "本次登录已失效"
    title_en = "This log-in is not valid any more"
    detail_zh = "state 与本次登录不符、已使用或已超过 10 分钟，请重新开始登录。"
    detail_en = "The state is of another log-in, was used, or is older than 10 minutes. Begin a new log-in."


class OperatorSessionNotFound(NotFound):
    code = "OPERATOR_SESSION_NOT_FOUND"
    title_zh = "没有这个登录会话"
    title_en = "No such session"
