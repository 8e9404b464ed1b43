from shared.errors import Conflict, Forbidden, TooManyRequests, Unauthenticated


class LogInRefused(Unauthenticated):
    code = "LOG_IN_REFUSED"
    title_zh = "登录未成功"
    title_en = "The log-in was refused"
    detail_zh = "用户名、密码或动态码有误。动态码只能使用一次，请等待下一个再试。"
    detail_en = "Name, password or one-time code is wrong. A code works once; wait for the next one."


class LogInLocked(TooManyRequests):
    code = "LOG_IN_LOCKED"
    title_zh = "尝试次数过多，暂停登录"
    title_en = "Too many attempts; log-in is locked"
    detail_zh = "请在 {minutes} 分钟后再试，或联系管理员。"
    detail_en = "Try again in {minutes} minutes, or ask an administrator."


class LocalLogInOff(Conflict):
    code = "LOCAL_LOG_IN_OFF"
    title_zh = "请使用统一身份认证登录"
    title_en = "Log in with the identity provider"
    detail_zh = "本系统未启用本地账户登录。"
    detail_en = "Local accounts are switched off here, because there is an identity provider."


class ProviderLogInOff(Conflict):
    code = "PROVIDER_LOG_IN_OFF"
    title_zh = "请使用本地账户登录"
    title_en = "Log in with a local account"
    detail_zh = "本系统未接入统一身份认证。"
    detail_en = "No identity provider is set up here."


class OperatorWithoutRole(Forbidden):
    code = "OPERATOR_WITHOUT_ROLE"
    title_zh = "没有运营权限"
    title_en = "No role here"
    detail_zh = "身份已确认，但没有本系统的任何角色，请联系管理员。"
    detail_en = "You are known, but have no role in this system. Ask an administrator."


class OperatorDisabled(Forbidden):
    code = "OPERATOR_DISABLED"
    title_zh = "账户已停用"
    title_en = "This operator is disabled"
    detail_zh = "请联系管理员。"
    detail_en = "Ask an administrator."


class OperatorElsewhere(Conflict):
    code = "OPERATOR_ELSEWHERE"
    title_zh = "身份标识已属于另一认证系统"
    title_en = "This subject came from another issuer"
    detail_zh = "同一标识不能代表两个人，请联系管理员。"
    detail_en = "One subject cannot stand for two persons. Ask an administrator."
