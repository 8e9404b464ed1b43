"""Refusals of the rewards service. Each says what happened, what the reader has, and what to do."""

from typing import Final

from shared.language import Sentence, Text

BUDGET_EXHAUSTED: Final = Sentence(
    Text("这一期已经兑完", "This reward is used up for now"),
    Text(
        "赞助方这一期投入的费用已用完，您的减碳量没有扣除。请看看其他商品，或等下一期。",
        (
            "What the sponsor funded has been redeemed, and no grams were taken. Choose another reward or "
            "wait for the next round."
        ),
    ),
)
AMOUNT_OUT_OF_RANGE: Final = Sentence(
    Text("捐赠数量不对", "The amount is out of range"),
    Text(
        "每次可捐 {least} 到 {most}，这次没有捐出。请改一下数量。",
        "You can donate between {least} and {most} at a time. Nothing was donated. Please change the amount.",
    ),
)
CAMPAIGN_CLOSED: Final = Sentence(
    Text("现在不能捐赠", "You cannot donate now"),
    Text(
        "这项活动还没有开始，或已经结束，您的减碳量没有扣除。请看看其他活动。",
        "The campaign has not begun or is over. No grams were taken. Have a look at the others.",
    ),
)
TARGET_EXCEEDED: Final = Sentence(
    Text("超过了活动还差的数量", "More than the campaign still needs"),
    Text(
        "这项活动现在还能接受 {left}，这次没有捐出，您的减碳量没有扣除。请改捐这个数量，或看看其他活动。",
        "The campaign can still take {left}. Nothing was donated, and no grams were taken. Give that much, or another.",
    ),
)
CAMPAIGN_NOT_FOUND: Final = Sentence(
    Text("没有这项活动", "No such campaign"),
    Text(
        "活动不存在，或已经下架。请返回活动列表再看。",
        "The campaign does not exist or was withdrawn. Please go back to the list.",
    ),
)
DONATION_NOT_FOUND: Final = Sentence(
    Text("没有这笔捐赠", "No such donation"),
    Text(
        "这笔捐赠不存在，或不是您的。请在“我的捐赠”里查看。",
        "The donation does not exist or is not yours. See the list of your donations.",
    ),
)
ITEM_NOT_FOUND: Final = Sentence(
    Text("没有这件商品", "No such item"),
    Text(
        "商品不存在，或已经下架。请返回商品列表再看。",
        "The item does not exist or was withdrawn. Please go back to the list.",
    ),
)
SALE_CLOSED: Final = Sentence(
    Text("现在不能兑换", "You cannot redeem this now"),
    Text(
        "这件商品还没有开始兑换，或兑换已经结束，您的减碳量没有扣除。请看商品页上的时间。",
        "The time for this item has not begun or is over. No grams were taken. See the times on its page.",
    ),
)
SOLD_OUT: Final = Sentence(
    Text("已经兑完", "Sold out"),
    Text(
        "这件商品剩下的不够您要的数量，减碳量没有扣除。请减少数量，或看看其他商品。",
        "There are not enough pieces left. No grams were taken. Choose fewer or something else.",
    ),
)
CERTIFICATE_NO_MISTYPED: Final = Sentence(
    Text("证书编号有误", "The certificate number is mistyped"),
    Text(
        "编号是 20 位数字，末位校验不对，没有查询。请对照证书再填一次。",
        (
            "It has 20 digits, and the last one does not fit the others. Nothing was looked up. Please "
            "compare it with the certificate."
        ),
    ),
)
CERTIFICATE_NOT_FOUND: Final = Sentence(
    Text("查不到这张证书", "No such certificate"),
    Text(
        "没有这个编号的证书，或编号有误。请对照证书再填一次；仍查不到，请当心这张证书可能是假的。",
        (
            "There is no certificate with this number. Compare it with the paper. If it is right, the "
            "certificate may be a forgery."
        ),
    ),
)
CLIENT_REQUEST_ID_USED: Final = Sentence(
    Text("这一单您已经下过", "You have placed this order before"),
    Text(
        "没有重复下单，也没有重复扣除减碳量。请在“我的订单”里查看。",
        "No second order was made, and nothing was taken twice. See your orders.",
    ),
)
LIMIT_REACHED: Final = Sentence(
    Text("您已兑满", "You have reached the limit"),
    Text(
        "这件商品每人{window}最多兑 {limit} 件，减碳量没有扣除。请看看其他商品。",
        "Each person can redeem {limit} of this item{window}. No grams were taken. Have a look at the others.",
    ),
)
ORDER_NOT_CANCELLABLE: Final = Sentence(
    Text("这个订单不能取消", "This order cannot be cancelled"),
    Text(
        "券已经用过或已过期，减碳量不能退回。还没用的券在“我的券”里，请在有效期内使用。",
        "A voucher was used or has expired, so the grams are not given back. Use the others before they expire.",
    ),
)
ORDER_NOT_FOUND: Final = Sentence(
    Text("没有这个订单", "No such order"),
    Text(
        "订单不存在，或不是您的。请在“我的订单”里查看。",
        "The order does not exist or is not yours. See the list of your orders.",
    ),
)
NOTHING_TO_CAPTURE: Final = Sentence(
    Text("这次核对没有要补扣的", "There is nothing left to capture"),
    Text(
        "没有遗漏的扣除，账目没有改动。请重新核对一次再看。",
        "The reconciliation misses no capture, and nothing was changed. Run it again to be sure.",
    ),
)
RECONCILIATION_NOT_FOUND: Final = Sentence(
    Text("没有这次核对", "No such reconciliation"),
    Text("核对编号不存在。请在核对列表里查看。", "There is no run with this id. See the list of runs."),
)
RECONCILIATION_RUNNING: Final = Sentence(
    Text("已有一次核对正在进行", "A reconciliation is running already"),
    Text("没有另开一次。请等它结束再开始。", "No second one was started. Wait until it has finished."),
)
CALLED_OFF: Final = Sentence(
    Text("已经取消", "Cancelled"),
    Text(
        "已按您的要求取消，减碳量没有扣除。想要的话，可以重新办理。",
        "This was cancelled as you asked. No grams were taken. You can start again at any time.",
    ),
)
HOLD_REFUSED: Final = Sentence(
    Text("碳账户暂时不能支付", "The carbon account cannot pay now"),
    Text(
        "这次没有办成，减碳量没有扣除。请过一会儿再试，或联系客服。",
        "This did not work, and no grams were taken. Please try again later or ask support.",
    ),
)
INSUFFICIENT_BALANCE: Final = Sentence(
    Text("减碳量不够", "Not enough grams"),
    Text(
        "这次需要 {needed}，您的可用减碳量不够，没有扣除。攒够了再来。",
        "This needs {needed}, which is more than you have. No grams were taken. Earn some more and come back.",
    ),
)
SETTLEMENT_TIMED_OUT: Final = Sentence(
    Text("没有及时办成，已经取消", "Not completed in time and cancelled"),
    Text(
        "减碳量没有扣除，扣住的已退回您的账户。请重新办理一次。",
        "No grams were taken, and those held are back in your account. Please start again.",
    ),
)
VOUCHER_POOL_SHORT: Final = Sentence(
    Text("系统出了点问题", "Something went wrong on our side"),
    Text(
        "这次没有兑成，减碳量没有扣除。请过几分钟再试；仍不行，请联系客服并报上请求编号。",
        (
            "Nothing was redeemed, and no grams were taken. Please try again in a few minutes. If it "
            "persists, give the request id to support."
        ),
    ),
)
VOUCHER_NOT_FOUND: Final = Sentence(
    Text("没有这张券", "No such voucher"),
    Text(
        "这张券不存在，或不是您的。请在“我的券”里查看；在收银台，请顾客刷新券码再出示一次。",
        "The voucher does not exist or is not yours. See the list of your vouchers. At a till, show the code again.",
    ),
)
TOO_MANY_AT_ONCE: Final = Sentence(
    Text("现在办理的人太多", "Too many people at once"),
    Text(
        "这次没有办理，您的减碳量没有变动。请过几秒再试。",
        "This was not handled, and no grams were taken. Please try again in a few seconds.",
    ),
)
SPENDER_NOT_ALLOWED: Final = Sentence(
    Text("不能使用这个账户的减碳量", "You cannot use these grams"),
    Text(
        "您不是这个家庭的成员，也不是这张亲情卡的代管人，没有扣除。请选用自己的减碳量。",
        "You are neither a member of that household nor the proxy of that card. No grams were taken. Use your own.",
    ),
)
MONTHLY_LIMIT_REACHED: Final = Sentence(
    Text("本月可用的额度不够", "The monthly limit does not suffice"),
    Text(
        "这次需要 {needed}，超出您本月还能用的额度，没有扣除。请下个月再来；家庭减碳量也可以请全家同意这一笔。",
        "This needs {needed}, more than you may still use this month. No grams were taken. Come back next month, or ask"
        " all members of the household to agree.",
    ),
)
AGREEMENT_REQUIRED: Final = Sentence(
    Text("需要全家同意", "The whole household has to agree"),
    Text(
        "使用家庭减碳量要每位家人都同意，这次没有扣除。请先发起约定，等家人都同意后再来。",
        "Every member has to agree to this use, so no grams were taken. Propose it first. Come back once all agree.",
    ),
)
ACCOUNT_FROZEN: Final = Sentence(
    Text("碳账户已冻结", "The carbon account is frozen"),
    Text(
        "冻结期间不能使用减碳量，新的减碳量照常累计，这次没有扣除。如有疑问，请联系{contact}。",
        "Its grams cannot be used while it is frozen; new ones are still credited. No grams were taken. Ask {contact}.",
    ),
)
VOUCHER_OPENED: Final = Sentence(
    Text("券码已经显示过，不能取消", "The code was shown, so the order cannot be cancelled"),
    Text(
        "这张券由合作方发码，看过券码后不能退回。券仍然有效，请照常使用。",
        "The partner issues these codes. Once shown, a code cannot be given back. The voucher stays valid: use it.",
    ),
)
ORDER_USED: Final = Sentence(
    Text("券已经用过", "A voucher was used"),
    Text(
        "这一单有券已在门店核销，整单不能退回，减碳量没有变。其余的券请在有效期内使用。",
        (
            "A shop has redeemed a voucher of this order, so it cannot be given back. Nothing was changed. Use the "
            "others before they expire."
        ),
    ),
)
ORDER_EXPIRED: Final = Sentence(
    Text("券已经过期", "A voucher has expired"),
    Text(
        "这一单有券已过有效期，不能退回，减碳量没有变。下次请在到期前退回。",
        (
            "A voucher of this order is over, so it cannot be given back. Nothing was changed. Next time, give it back "
            "before its end."
        ),
    ),
)
SALE_OUTLASTS_VALIDITY: Final = Sentence(
    Text("兑换期比券的有效期长", "The sale lasts longer than the vouchers"),
    Text(
        "最后下单的人会拿到已失效的券，没有改动。兑换至少要比券失效早一小时结束。",
        (
            "Who orders last would get a voucher that is over. Nothing was changed. End the sale at least an hour "
            "before the vouchers end."
        ),
    ),
)
