"""Refusals that merchants and their cashiers read. Each says what happened and what to do at the till."""

from typing import Final

from shared.language import Sentence, Text

MERCHANT_CREDENTIAL_INVALID: Final = Sentence(
    Text("收银台没有认出来", "The till is not recognised"),
    Text(
        "这台收银台没有登记，或登记已停用，什么都没有核销。请让店长重新登记。",
        "This till is not enrolled, or was revoked. Nothing was redeemed. Ask the manager to enrol it again.",
    ),
)
ENROLMENT_INVALID: Final = Sentence(
    Text("登记码无效", "The enrolment code is not valid"),
    Text(
        "登记码用过一次或过了 10 分钟就失效，收银台没有登记。请店长换一个新的二维码。",
        "A code works once and for ten minutes. The till was not enrolled. Ask the manager for a new QR code.",
    ),
)
MERCHANT_SUSPENDED: Final = Sentence(
    Text("商家已暂停", "The merchant is suspended"),
    Text(
        "商家目前不能核销，什么都没有变。请联系碳普惠运营方。",
        "This merchant cannot redeem at present, and nothing was changed. Please contact the programme's operators.",
    ),
)
MERCHANT_KEY_NEEDED: Final = Sentence(
    Text("收银台不能这样做", "A till cannot do this"),
    Text(
        "这一步要用商家系统办理，什么都没有变。请联系店长。",
        "Only the merchant's own system can do this, and nothing was changed. Please ask the manager.",
    ),
)
MERCHANT_NOT_FOUND: Final = Sentence(
    Text("没有这个商家", "No such merchant"),
    Text("商家不存在。请返回商家列表再看。", "The merchant does not exist. Please go back to the list."),
)
SHOP_NOT_FOUND: Final = Sentence(
    Text("没有这家门店", "No such shop"),
    Text(
        "门店不存在、已关闭，或不属于这个商家，什么都没有变。请核对门店。",
        "The shop does not exist, is closed, or is another merchant's. Nothing was changed. Please check the shop.",
    ),
)
TILL_NOT_FOUND: Final = Sentence(
    Text("没有这台收银台", "No such till"),
    Text("收银台不存在。请返回商家页面再看。", "The till does not exist. Please go back to the merchant's page."),
)
MERCHANT_KEY_NOT_FOUND: Final = Sentence(
    Text("没有这个密钥", "No such key"),
    Text(
        "密钥不存在或已吊销，什么都没有变。请返回商家页面再看。",
        "The key does not exist or was revoked, and nothing was changed. Please go back to the merchant's page.",
    ),
)
MERCHANT_EXISTS: Final = Sentence(
    Text("商家编号已有", "This merchant id is taken"),
    Text("没有重复登记。请换一个编号。", "Nothing was registered twice. Please choose another id."),
)
SHOP_EXISTS: Final = Sentence(
    Text("门店编号已有", "This shop id is taken"),
    Text("没有重复新增。请换一个编号。", "Nothing was added twice. Please choose another id."),
)
MERCHANT_NOT_SUSPENDED: Final = Sentence(
    Text("商家没有暂停", "The merchant is not suspended"),
    Text(
        "商家正在正常核销，不用恢复。请刷新页面再看。",
        "It redeems as usual, so there is nothing to resume. Please reload.",
    ),
)
MERCHANT_LIMIT_REACHED: Final = Sentence(
    Text("数量已满", "The number is reached"),
    Text(
        "最多 {limit} 个，没有新增。请先停用不再用的。",
        "There can be {limit}. Nothing was added. Revoke what is no longer used.",
    ),
)
MERCHANT_KEY_UNUSABLE: Final = Sentence(
    Text("公钥不能用", "The public key cannot be used"),
    Text(
        "公钥和所选算法不符，没有登记密钥。请商家重新导出公钥。",
        "It is not a key of this algorithm, and no key was added. Ask the merchant to export it again.",
    ),
)
