from shared.errors import InvalidRequest, NotFound


class AccountNoInvalid(InvalidRequest):
    code = "ACCOUNT_NO_INVALID"
    title_zh = "碳账户号有误"
    title_en = "This is not an account number"
    detail_zh = "校验位不符，请核对每一位数字。"
    detail_en = "The check digit does not fit; compare every digit."


class AccountNotFound(NotFound):
    code = "ACCOUNT_NOT_FOUND"
    title_zh = "没有这个碳账户"
    title_en = "No such carbon account"
