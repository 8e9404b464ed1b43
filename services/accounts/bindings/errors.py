from shared.errors import Conflict, InvalidRequest, NotFound


class BindingNotFound(NotFound):
    code = "BINDING_NOT_FOUND"
    title_zh = "没有这个绑定"
    title_en = "No such binding"


class BindingModeUnavailable(Conflict):
    """Extension `supported_modes`: the modes that work with this partner."""

    code = "BINDING_MODE_UNAVAILABLE"
    title_zh = "该合作方不支持这种绑定方式"
    title_en = "The partner does not support this way of binding"
    detail_zh = "可用的绑定方式：{supported}"
    detail_en = "Available: {supported}"


class BindingNeedsToken(InvalidRequest):
    code = "BINDING_NEEDS_TOKEN"
    title_zh = "扫码绑定由合作方确认"
    title_en = "A token binding is confirmed by the partner"
    detail_zh = "请调用 POST /me/bindings/token 获取二维码，由合作方设备扫描确认。"
    detail_en = "Call POST /me/bindings/token and let the partner's device scan the code."


class BindingAlreadyExists(Conflict):
    code = "BINDING_ALREADY_EXISTS"
    title_zh = "已绑定该合作方的另一个账号"
    title_en = "You are bound to this partner with another account"
    detail_zh = "请先解除现有绑定。"
    detail_en = "End the existing binding first."


class PartnerAccountTaken(Conflict):
    code = "PARTNER_ACCOUNT_TAKEN"
    title_zh = "该合作方账号已绑定其他碳账户"
    title_en = "This partner account is bound to another carbon account"
    detail_zh = "请原绑定用户先解除绑定，或联系客服。"
    detail_en = "Its present holder must end the binding first, or contact support."


class BindingLimitReached(Conflict):
    code = "BINDING_LIMIT_REACHED"
    title_zh = "绑定数量已达上限"
    title_en = "Too many bindings"
    detail_zh = "最多同时绑定 {limit} 个合作方。"
    detail_en = "At most {limit} live bindings."


class PhoneRequired(Conflict):
    code = "PHONE_REQUIRED"
    title_zh = "请先验证手机号"
    title_en = "Verify your phone number first"


class CountsFromOutOfRange(InvalidRequest):
    """Extensions `earliest` and `latest` (RFC 3339)."""

    code = "COUNTS_FROM_OUT_OF_RANGE"
    title_zh = "起算时间超出范围"
    title_en = "counts_from is out of range"
    detail_zh = "起算时间须在 {earliest} 与 {latest} 之间。"
    detail_en = "counts_from must lie between {earliest} and {latest}."


class BindingTokenInvalid(NotFound):
    """One answer for unknown, expired, used, and issued for another partner, so that guessing reveals nothing."""

    code = "BINDING_TOKEN_INVALID"
    title_zh = "绑定码无效"
    title_en = "The binding token is not valid"
    detail_zh = "绑定码不存在、已过期（120 秒）或已使用，请用户重新出示。"
    detail_en = "The token is unknown, expired (120 s) or used; ask the citizen to show a new one."
