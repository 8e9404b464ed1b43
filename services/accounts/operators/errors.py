from shared.errors import InvalidRequest, NotFound, TooManyRequests


class AccountNoInvalid(InvalidRequest):
    code = "ACCOUNT_NO_INVALID"
    says = refusals.ACCOUNT_NO_INVALID


class AccountNotFound(NotFound):
    code = "ACCOUNT_NOT_FOUND"
    title_zh = "没有这个碳账户"
    title_en = "No such carbon account"


class TooManyLookUps(TooManyRequests):
    code = "TOO_MANY_LOOK_UPS"
    title_zh = "查询次数已达上限"
    title_en = "Too many look-ups"
    detail_zh = "每小时最多查询 {per_hour} 次，每天最多 {per_day} 次；本次拒绝已记录并告警。"
    detail_en = "At most {per_hour} look-ups an hour and {per_day} a day. This refusal is recorded and raises an alarm."
