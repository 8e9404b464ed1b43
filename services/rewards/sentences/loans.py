"""Refusals about loan interest: for citizens, for banks and for operators of banks."""

from typing import Final

from shared.language import Sentence, Text

QUOTE_NOT_FOUND: Final = Sentence(
    Text("没有这份报价", "No such quote"),
    Text(
        "报价不存在，或不是给您的，您的减碳量没有扣除。请在银行重新申请报价。",
        "The quote does not exist or is not for you. No grams were taken. Please ask the bank for a new one.",
    ),
)
QUOTE_EXPIRED: Final = Sentence(
    Text("报价已经过期", "The quote has ended"),
    Text(
        "您的减碳量没有扣除。请在银行重新申请报价。",
        "No grams were taken. Please ask the bank for a new quote.",
    ),
)
QUOTE_USED: Final = Sentence(
    Text("这份报价已经用过", "The quote was used already"),
    Text(
        "一份报价只能用一次，这次没有扣除减碳量。请在“我的利息抵扣”里查看，或重新申请报价。",
        "A quote works once, and no grams were taken now. See your offsets, or ask the bank for a new quote.",
    ),
)
INTEREST_EXCEEDED: Final = Sentence(
    Text("超过了可以抵扣的利息", "More than the interest due"),
    Text(
        "这份报价最多用 {most}，您的减碳量没有扣除。请改少一些。",
        "This quote takes {most} at most. No grams were taken. Please choose less.",
    ),
)
OFFSET_TOO_SMALL: Final = Sentence(
    Text("太少，抵不了一分钱", "Too little for one fen"),
    Text(
        "至少要用 {least}，您的减碳量没有扣除。请改多一些。",
        "At least {least} are needed. No grams were taken. Please choose more.",
    ),
)
LOAN_LIMIT_REACHED: Final = Sentence(
    Text("超过了本月的额度", "Above the limit of this month"),
    Text(
        "您的减碳量没有扣除。请改少一些，或下个月再来。",
        "No grams were taken. Please choose less, or come again next month.",
    ),
)
LOANS_CLOSED: Final = Sentence(
    Text("这家银行暂停抵扣利息", "This bank takes no grams now"),
    Text(
        "您的减碳量没有扣除。请过些时候再试，或换一家银行。",
        "No grams were taken. Please try again later, or choose another bank.",
    ),
)
OFFSET_NOT_FOUND: Final = Sentence(
    Text("没有这笔利息抵扣", "No such offset"),
    Text(
        "这笔抵扣不存在，或不是您的。请在“我的利息抵扣”里查看。",
        "The offset does not exist or is not yours. See the list of your offsets.",
    ),
)
BANK_REFUSED: Final = Sentence(
    Text("银行没有减息", "The bank has not reduced the interest"),
    Text(
        "您的减碳量已经全部退回。请向银行了解原因。",
        "All grams were given back. Please ask the bank for the reason.",
    ),
)
BANK_SILENT: Final = Sentence(
    Text("银行没有按时答复", "The bank has not answered in time"),
    Text(
        "您的减碳量已经全部退回。请在银行重新申请报价。",
        "All grams were given back. Please ask the bank for a new quote.",
    ),
)

# --- for banks --------------------------------------------------------------------------------------------------------

BANK_SIGNATURE_INVALID: Final = Sentence(
    Text("签名无效", "The signature is invalid"),
    Text(
        "没有受理。请检查公钥名称、签名、时间和随机串。",
        "Nothing was done. Check the name of the key, the signature, the time and the nonce.",
    ),
)
BANK_SUSPENDED: Final = Sentence(
    Text("合作已暂停", "The bank is suspended"),
    Text("没有受理。请与运营方联系。", "Nothing was done. Please contact the operators."),
)
QUOTE_DIFFERS: Final = Sentence(
    Text("这个编号的报价内容不同", "The quote has other content"),
    Text(
        "没有改动。此前收到的报价不变，请换一个编号。",
        "Nothing was changed. The earlier quote stays. Use another id.",
    ),
)
QUOTE_TOO_LONG: Final = Sentence(
    Text("报价的有效期太长", "The quote lives too long"),
    Text("没有受理。最长 24 小时。", "Nothing was done. At most 24 hours."),
)
TOO_MANY_QUOTES: Final = Sentence(
    Text("未到期的报价太多", "Too many open quotes"),
    Text(
        "没有受理。最多 {most} 份，请等一些到期。",
        "Nothing was done. At most {most} may be open. Wait until some have ended.",
    ),
)
OFFSET_DECIDED: Final = Sentence(
    Text("这笔抵扣已有结果", "The offset is decided"),
    Text(
        "没有改动。已退回的请不要减息，已确认的不能再拒绝。",
        "Nothing was changed. Do not reduce interest for what was given back. What was confirmed stays.",
    ),
)

# --- for operators ----------------------------------------------------------------------------------------------------

BANK_NOT_FOUND: Final = Sentence(
    Text("没有这家银行", "No such bank"),
    Text("没有改动。请先登记，由另一人批准。", "Nothing was changed. Register it first, with a second person."),
)
BANK_EXISTS: Final = Sentence(
    Text("已有这个编号的银行", "A bank has this id"),
    Text("没有重复登记。可以提议修改条款。", "Nothing was registered. Its terms can be changed by a proposal."),
)
TOO_MANY_BANKS: Final = Sentence(
    Text("银行太多", "Too many banks"),
    Text("没有登记。最多 {most} 家。", "Nothing was registered. There may be {most} banks."),
)
BANK_ACTIVE: Final = Sentence(
    Text("这家银行没有暂停", "The bank is not suspended"),
    Text("没有要恢复的。", "There is nothing to resume."),
)
BANK_KEY_UNUSABLE: Final = Sentence(
    Text("公钥不能用", "The key cannot be used"),
    Text(
        "没有改动。请核对算法和公钥。",
        "Nothing was changed. Check the algorithm and the public key.",
    ),
)
BANK_KEY_EXISTS: Final = Sentence(
    Text("已有这个名称的公钥", "A key has this name"),
    Text("没有改动。请换一个名称。", "Nothing was changed. Choose another name."),
)
BANK_KEY_NOT_FOUND: Final = Sentence(
    Text("没有这把公钥", "No such key"),
    Text("没有改动。请核对银行和名称。", "Nothing was changed. Check the bank and the name."),
)
TOO_MANY_BANK_KEYS: Final = Sentence(
    Text("有效的公钥太多", "Too many live keys"),
    Text("没有改动。最多 {most} 把，请先停用一把。", "Nothing was changed. At most {most} are live. Revoke one first."),
)
