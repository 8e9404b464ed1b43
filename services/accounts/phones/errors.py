from shared.errors import Conflict


class PhoneTaken(Conflict):
    code = "PHONE_TAKEN"
    title_zh = "该手机号已绑定其他账户"
    title_en = "This number belongs to another account"
    detail_zh = "一个手机号只能绑定一个账户。"
    detail_en = "One number, one account."
