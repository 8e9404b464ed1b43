"""Words of certificates and yearly statements: on paper, on pictures and on the public page."""

from typing import Final

from shared.language import Text

TITLE: Final = Text("捐赠证书", "Certificate of Donation")
DEAR_DONOR: Final = Text("尊敬的捐赠人：", "Dear donor,")
DEAR: Final = Text("{donor}：", "Dear {donor},")
THANKS: Final = Text(
    "感谢您支持公益活动“{campaign}”，捐出减碳量：",
    'Thank you for giving {amount} of carbon reductions (CO2e) to "{campaign}".',
)
MOVED: Final = Text(
    "这份减碳量已转入该活动，不再用于兑换或转让。特发此证，谨致谢意。",
    "They are with the campaign now and cannot be used again.",
)
NUMBER: Final = Text("证书编号", "Certificate no.")
ISSUED_ON: Final = Text("颁发日期", "Date of issue")
ISSUED_BY: Final = Text("颁发单位", "Issued by")
CAMPAIGN: Final = Text("公益活动", "Campaign")
AMOUNT: Final = Text("捐赠减碳量", "Carbon reductions given")
DONOR: Final = Text("捐赠人", "Donor")
SCAN: Final = Text("扫码查验真伪", "Scan to check this certificate")
LONG_PRESS: Final = Text("长按识别二维码，查验真伪", "Scan to check this certificate")
REVOKED: Final = Text("本证书已撤销", "This certificate has been revoked")
REVOKED_SINCE: Final = Text(
    "自{on}起撤销，不再有效。请勿继续展示或转发。", "Not valid since {on}. Please do not show or share it any more."
)
REVOKED_ON: Final = Text("撤销日期", "Revoked on")
REASON: Final = Text("撤销原因", "Reason")

STATEMENT_TITLE: Final = Text("{year}年度捐赠明细", "Statement of donations in {year}")
STATEMENT_HEAD: Final = (
    Text("日期", "Date"),
    Text("公益活动", "Campaign"),
    Text("减碳量（克）", "Grams of CO2e"),
    Text("证书编号", "Certificate no."),
)
STATEMENT_SUM: Final = Text("合计 {count} 笔", "Sum of {count} donations")
STATEMENT_CUT: Final = Text("另有 {count} 笔未列出，已计入合计。", "{count} more are not listed and are in the sum.")
STATEMENT_NONE: Final = Text("本年度没有捐赠记录。", "There were no donations in this year.")
STATEMENT_CHECK: Final = Text(
    "每张证书都可凭编号查验。扫右侧二维码，输入编号即可。",
    "Each certificate can be checked by its number: scan the code and enter the number.",
)
