"""Sentences about erasure and export of a person's data."""

from typing import Final

from shared.language import Sentence, Text

ERASURE_NOT_PLANNED: Final = Sentence(
    Text("没有正在等待的注销", "No erasure is planned"),
    Text(
        "您的账户没有申请注销，可以照常使用。",
        "You have not asked to erase your account. Use it as usual.",
    ),
)
# What a person is told when planning an erasure, before anything is lost.
CONSEQUENCES: Final = (
    Text(
        "到期之前可以照常使用，也可以随时撤销注销。",
        "Until then you can use the account as usual and cancel the erasure at any time.",
    ),
    Text(
        "到期后，账户里剩下的减碳量全部收回，不能恢复。请先兑换或捐赠。",
        "Then the grams left in the account are withdrawn for good. Redeem or donate them first.",
    ),
    Text(
        "没有用过的兑换券不能再查看。请先使用或自行保存。",
        "Vouchers that you have not used can no longer be seen. Use or save them first.",
    ),
    Text(
        "手机号、微信标识、绑定、同意记录和每次行为的内容都会删除。您会退出家庭。",
        "Phone number, WeChat id, bindings, consents and the content of all acts are deleted. You leave the household.",
    ),
    Text(
        "依法须保留的账目只带编号，查不到是谁。您手中的证书和证明仍然有效。",
        "Records required by law keep a number that leads to nobody. Certificates and proofs that you hold stay valid.",
    ),
)
EXPORT_NOT_FOUND: Final = Sentence(
    Text("没有这份导出", "No such export"),
    Text(
        "这份导出不存在，或已过 7 天删除了。需要时请重新申请。",
        "It does not exist, or it was deleted after seven days. Ask for a new one.",
    ),
)
EXPORT_FAILED: Final = Sentence(
    Text("这次导出没有完成", "The export could not be completed"),
    Text(
        "有服务暂时没有答复，您的信息没有变动。请稍后重新申请。",
        "A service did not answer. Your data is unchanged. Ask for a new export later.",
    ),
)
ACCOUNT_NOT_FROZEN: Final = Sentence(
    Text("您的账户没有冻结", "Your account is not frozen"),
    Text("账户可以照常使用，不用提问。", "You can use it as usual. No question is needed."),
)
QUESTION_NOT_FOUND: Final = Sentence(
    Text("没有这个提问", "No such question"),
    Text(
        "它不存在，或提问的人已注销。请查看待答复的列表。",
        "It does not exist, or its person has left. See the open questions.",
    ),
)
QUESTION_ANSWERED: Final = Sentence(
    Text("这个提问已经答复过", "The question has been answered"),
    Text("没有改动。请查看已有的答复。", "Nothing was changed. See the answer that is there."),
)
