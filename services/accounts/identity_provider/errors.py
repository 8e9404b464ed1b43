from shared.errors import Unauthenticated, Unavailable


class ProviderUnavailable(Unavailable):
    code = "IDENTITY_PROVIDER_UNAVAILABLE"
    title_zh = "统一身份认证暂不可用"
    title_en = "The identity provider does not answer"
    detail_zh = "请稍后重新登录；如持续出现，请联系身份认证系统的管理员。"
    detail_en = "Log in again in a moment. If it persists, ask whoever runs the identity provider."


class IdentityRefused(Unauthenticated):
    code = "IDENTITY_REFUSED"
    title_zh = "身份认证未通过"
    title_en = "The identity provider's answer was refused"
    detail_zh = "登录凭证无效、已使用或不属于本次登录，请重新登录。"
    detail_en = "The code is invalid, was used, or belongs to another log-in. Log in again."
