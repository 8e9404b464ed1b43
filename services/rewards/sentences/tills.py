"""Refusals that a cashier reads out to the guest."""

from typing import Final

from shared.language import Sentence, Text

VOUCHER_USED: Final = Sentence(
    Text("这张券已经用过", "This voucher was used"),
    Text(
        "已于{used_at}在{shop_name}核销，不能再用。有疑问请联系碳普惠运营方。",
        "It was redeemed on {used_at} at {shop_name} and cannot be used again. In doubt, ask the operators.",
    ),
)
VOUCHER_GIVEN_BACK: Final = Sentence(
    Text("这张券已经退回", "This voucher was given back"),
    Text(
        "顾客已退回这张券，减碳量已退还，不能核销。请顾客出示别的券。",
        "The guest gave it back and has the grams again, so it cannot be redeemed. Ask for another voucher.",
    ),
)
VOUCHER_EXPIRED: Final = Sentence(
    Text("这张券已过期", "This voucher has expired"),
    Text(
        "有效期到{until}，不能核销。请顾客出示别的券。",
        "It was valid until {until} and cannot be redeemed. Ask for another voucher.",
    ),
)
VOUCHER_NOT_YET_VALID: Final = Sentence(
    Text("这张券还不能用", "This voucher is not valid yet"),
    Text(
        "从{since}起可用，现在没有核销。请顾客到时再来。",
        "It is valid from {since}. Nothing was redeemed. Ask the guest to come then.",
    ),
)
VOUCHER_NOT_TAKEN_HERE: Final = Sentence(
    Text("本店不收这种券", "This shop does not take this voucher"),
    Text(
        "这种券只在指定门店可用，没有核销。请顾客在商品页查看可用门店。",
        "Only some shops take it, and nothing was redeemed. The item's page lists them.",
    ),
)
VOUCHER_CODE_STALE: Final = Sentence(
    Text("二维码已过时", "The QR code is out of date"),
    Text(
        "二维码每 30 秒变一次，截图不能用，没有核销。请顾客在小程序里打开这张券再扫。",
        "It changes every 30 seconds, and a picture of it is not accepted. Nothing was redeemed. Ask the guest to open"
        " the voucher again.",
    ),
)
REDEMPTION_NOT_FOUND: Final = Sentence(
    Text("没有这笔核销", "No such redemption"),
    Text(
        "核销记录不存在，或不是本商家的，什么都没有撤销。请核对编号。",
        "It does not exist or is another merchant's. Nothing was undone. Please check the number.",
    ),
)
UNDO_TOO_LATE: Final = Sentence(
    Text("已过撤销时间", "It is too late to undo this"),
    Text(
        "核销后 10 分钟内可以撤销，这笔没有变。有差错请由商家提出异议。",
        "A redemption can be undone within 10 minutes. This one was not changed. The merchant can raise a dispute.",
    ),
)
VOUCHER_REFUNDED: Final = Sentence(
    Text("这张券已由工作人员退回", "Our staff have refunded this voucher"),
    Text(
        "减碳量已退给顾客，这笔核销不能撤销，仍计入结算。如果没有出餐，请联系碳普惠运营方。",
        "The guest has the grams again. The redemption stays and is settled. If nothing was handed out, tell the"
        " operators.",
    ),
)
UNDO_OTHER_TILL: Final = Sentence(
    Text("不是本台核销的", "Another till redeemed this"),
    Text(
        "只有原收银台能撤销，这笔没有变。请到原收银台办理。",
        "Only that till can undo it, and nothing was changed. Please go there.",
    ),
)
