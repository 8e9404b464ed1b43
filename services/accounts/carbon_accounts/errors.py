from shared.errors import Conflict


class CarbonAccountNotOpened(Conflict):
    code = "CARBON_ACCOUNT_NOT_OPENED"
    title_zh = "尚未领取个人碳账户"
    title_en = "No carbon account yet"
    detail_zh = "请先领取个人碳账户。"
    detail_en = "Open a carbon account first."
