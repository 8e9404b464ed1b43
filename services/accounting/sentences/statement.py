"""Titles of the lines of a citizen's statement."""

from typing import Final

from shared.language import Text

SPENT: Final = {
    "order": Text("兑换：{title}", "Redeemed: {title}"),
    "donation": Text("捐赠给{title}", "Donated to {title}"),
    "loan": Text("抵扣贷款利息：{title}", "Loan interest: {title}"),
}
GIVEN_BACK: Final = {
    "order": Text("兑换没有完成，退回：{title}", "Redemption not completed, given back: {title}"),
    "donation": Text("捐赠没有完成，退回：{title}", "Donation not completed, given back: {title}"),
    "loan": Text("抵扣利息没有完成，退回：{title}", "Loan interest not offset, given back: {title}"),
}
RETURNED: Final = {
    "order": Text("取消兑换，退回：{title}", "Redemption cancelled, given back: {title}"),
    "loan": Text("银行没有减息，退回：{title}", "The bank has not reduced the interest, given back: {title}"),
}
OF_ACTS: Final = {
    "credit": Text("{title}", "{title}"),
    "vest": Text("{title}，已生效", "{title}, available now"),
    "reversal": Text("{title}，已撤销", "{title}, taken back"),
}
OTHERS: Final = {
    "hold": Text("使用减碳量", "Grams spent"),
    "release": Text("退回减碳量", "Grams given back"),
    "credit": Text("低碳行为", "Low-carbon activity"),
    "vest": Text("减碳量已生效", "Grams available now"),
    "reversal": Text("减碳量已撤销", "Grams taken back"),
    "repayment": Text("抵扣此前撤销的减碳量", "Set off against grams taken back earlier"),
    "expire": Text("减碳量到期", "Grams expired"),
    "withdraw": Text("注销账户，减碳量收回", "Account erased, grams withdrawn"),
}
UNNAMED: Final = {
    "order": Text("商品", "an item"),
    "donation": Text("公益活动", "a campaign"),
    "loan": Text("银行", "a bank"),
}
