"""Sentences of the errors that all services share: title and detail, Chinese and English. See `shared.wording`."""

from typing import Final

from shared.language import Sentence, Text

INTERNAL_ERROR: Final = Sentence(
    Text("系统出了点问题", "Something went wrong on our side"),
    Text(
        "这次没有办成，是我们的原因。请过几分钟再试；仍不行，请联系客服并报上请求编号。",
        (
            "This did not work, and it is our fault. Please try again in a few minutes. If it persists, give "
            "the request id to support."
        ),
    ),
)
INVALID_REQUEST: Final = Sentence(
    Text("填写的内容有误", "Something you entered is not valid"),
    Text(
        "有内容漏填或不符合要求，这次没有提交成功。请按提示修改后再提交。",
        (
            "Something is missing or not valid, so nothing was submitted. Please correct the marked fields "
            "and try again."
        ),
    ),
)
MALFORMED_BODY: Final = Sentence(
    Text("提交的内容读不出来", "What was sent cannot be read"),
    Text(
        "内容在传送中损坏或格式不对，这次没有提交成功。请重新提交一次；仍不行，请升级小程序。",
        (
            "The content was damaged on its way or has the wrong format. Nothing was submitted. Send it "
            "again, or update the app."
        ),
    ),
)
DUPLICATE_KEY: Final = Sentence(
    Text("同一项内容出现了两次", "One field occurs twice"),
    Text(
        "“{key}”出现了两次，无法判断以哪个为准，这次没有提交成功。请只保留一个。",
        (
            "The field {key} occurs twice, and it is not clear which one counts. Nothing was submitted. Keep "
            "one of them."
        ),
    ),
)
UNSUPPORTED_MEDIA_TYPE: Final = Sentence(
    Text("不能接收这种格式", "This format is not accepted"),
    Text(
        "提交的内容格式不对，这次没有收下。可以使用的格式：{allowed}。",
        "What was sent has another format and was not accepted. Formats that can be used: {allowed}.",
    ),
)
SESSION_ENDED: Final = Sentence(
    Text("您已退出登录", "You are logged out"),
    Text(
        "这次没有办理，减碳量没有变动。请重新登录后再试。",
        "Nothing was done, and no grams were taken. Log in again and repeat what you did.",
    ),
)
UNAUTHENTICATED: Final = Sentence(
    Text("请先登录", "Please log in"),
    Text(
        "您还没有登录，或登录已经过期。请重新登录后再试。",
        "You are not logged in, or your log-in has expired. Please log in again and repeat what you did.",
    ),
)
FORBIDDEN: Final = Sentence(
    Text("您没有这项权限", "You are not allowed to do this"),
    Text(
        "当前登录的账号不能使用这项功能。如果您认为有误，请联系管理人员。",
        (
            "The account that is logged in cannot use this function. If you think this is wrong, please ask "
            "an administrator."
        ),
    ),
)
NOT_FOUND: Final = Sentence(
    Text("没有找到", "Not found"),
    Text(
        "您要看的内容不存在，或者不属于您。请返回上一页再试。",
        "What you are looking for does not exist or is not yours. Please go back and try again.",
    ),
)
METHOD_NOT_ALLOWED: Final = Sentence(
    Text("这里不支持这种操作", "This cannot be done here"),
    Text(
        "这次没有办成，您的数据没有变动。请升级小程序后再试。",
        "Nothing was changed. Please update the app and try again.",
    ),
)
CONFLICT: Final = Sentence(
    Text("现在不能这样操作", "This is not possible at present"),
    Text(
        "情况刚刚有了变化，这次没有办成。请刷新页面，看一看最新情况再试。",
        ("Things have just changed, so this did not work. Refresh the page, look at the present state and try again."),
    ),
)
PAYLOAD_TOO_LARGE: Final = Sentence(
    Text("提交的内容太大", "What was sent is too large"),
    Text(
        "内容超过了允许的大小，这次没有提交成功。请缩短内容后再试。",
        "The content is larger than allowed, so nothing was submitted. Please make it shorter and try again.",
    ),
)
TOO_MANY_REQUESTS: Final = Sentence(
    Text("操作太频繁", "Too many requests"),
    Text(
        "短时间内操作次数过多，这次没有办理。请过一会儿再试。",
        (
            "There were too many requests in a short time, and this one was not handled. Please wait a "
            "little and try again."
        ),
    ),
)
UNAVAILABLE: Final = Sentence(
    Text("服务暂时不可用", "The service is unavailable for a moment"),
    Text(
        "这次没有得到结果。请稍等片刻再试一次，同一笔不会重复扣除。",
        "There is no result yet. Please try again in a moment. Nothing is counted twice.",
    ),
)
IDEMPOTENCY_KEY_MISSING: Final = Sentence(
    Text("请求不完整", "The request is incomplete"),
    Text(
        "缺少防止重复提交的标识，这次没有办理，减碳量没有变动。请升级小程序后再试。",
        (
            "The mark against double submission is missing, so nothing was done and no grams were taken. "
            "Please update the app."
        ),
    ),
)
IDEMPOTENCY_KEY_IN_PROGRESS: Final = Sentence(
    Text("这一笔正在办理", "This is being handled"),
    Text(
        "您刚才的提交还在处理，不会重复扣除。请稍等几秒，再看结果。",
        (
            "Your earlier request is still being handled. Nothing is taken twice. Please wait a few seconds "
            "and look again."
        ),
    ),
)
IDEMPOTENCY_KEY_REUSED: Final = Sentence(
    Text("这次提交与之前的不一致", "This differs from an earlier request"),
    Text(
        "同一个标识已用于另一笔，这次没有办理，减碳量没有变动。请返回后重新操作。",
        (
            "The same mark was used for something else. Nothing was done and no grams were taken. Go back "
            "and start again."
        ),
    ),
)
BUSY: Final = Sentence(
    Text("现在办理的人较多", "Many people are here at once"),
    Text(
        "暂时轮不到您这一笔，您的数据没有变动。请稍等片刻再试。",
        "Your request could not be handled yet, and nothing was changed. Please try again in a moment.",
    ),
)
TOO_MANY_AT_ONCE: Final = Sentence(
    Text("操作太频繁", "Too many requests at once"),
    Text(
        "来自您所在网络的请求太多，这次没有办理。请稍等片刻再试。",
        ("There are too many requests from your network, and this one was not handled. Please try again in a moment."),
    ),
)
PROPOSAL_NOT_FOUND: Final = Sentence(
    Text("没有这项提案", "No such proposal"),
    Text(
        "提案编号不存在，或您无权查看。请核对编号。",
        "The id is unknown, or the proposal is not yours to see. Please check the id.",
    ),
)
PROPOSAL_OPEN: Final = Sentence(
    Text("已有待批准的提案", "A proposal is open already"),
    Text(
        "同一对象的上一项提案还没有结论，这次没有提交。请先批准、驳回或撤回它。",
        (
            "The earlier proposal about the same subject is not decided, so this one was not made. Decide or "
            "withdraw that one first."
        ),
    ),
)
PROPOSAL_DECIDED: Final = Sentence(
    Text("提案已有结论", "The proposal has been decided"),
    Text(
        "这项提案已经批准、驳回、撤回或过期，不能再改动。请查看它的结果，需要时重新提议。",
        (
            "It was approved, rejected, withdrawn or has expired, and cannot be changed. See its result, and "
            "propose again if needed."
        ),
    ),
)
SECOND_PERSON_NEEDED: Final = Sentence(
    Text("须由另一位运营人员批准", "A second person is needed"),
    Text(
        "{subject} 参与了起草或提议，不能自己批准。请另一位运营人员批准。",
        "{subject} wrote or proposed this and cannot approve it. Another operator has to.",
    ),
)
NOT_THE_PROPOSER: Final = Sentence(
    Text("只有提议人可以撤回", "Only the proposer can withdraw it"),
    Text(
        "这项提案由别人提出，您不能撤回。如不同意，请驳回。",
        "Somebody else made this proposal. If you do not agree with it, reject it.",
    ),
)
NOT_A_JSON_OBJECT: Final = Sentence(
    Text("原内容不能修正", "The original cannot be mended"),
    Text(
        "原内容不是字段组成的记录，没有可以修正的字段。请在修复读取程序后原样重放，或作废并请来源重新上报。",
        (
            "It is no record with fields, so there is nothing to mend. Replay it unchanged once the consumer "
            "is fixed, or discard it and have its source report again."
        ),
    ),
)
MEND_NOT_NEEDED: Final = Sentence(
    Text("原内容可以读取，不能修正", "The record is readable and cannot be mended"),
    Text(
        "可以读取的内容只能原样重放或作废。内容有误时，请来源上报更正。",
        (
            "A readable record can only be replayed unchanged or discarded. Its source corrects wrong "
            "content by an event of its own."
        ),
    ),
)
MEND_NOT_ALLOWED: Final = Sentence(
    Text("修正超出了允许的范围", "The change goes beyond a mend"),
    Text(
        (
            "只能改动读不出来的字段；不能改动人、合作方、事件编号、证据和读得出来的数值，也不能补写整条记录。"
            "请只改标出的字段。"
        ),
        (
            "Only the fields that made it unreadable may change: never the person, partner, event id, "
            "evidence or a value that can be read. A whole record cannot be written anew."
        ),
    ),
)
DEAD_LETTER_NOT_FOUND: Final = Sentence(
    Text("没有这条待处理记录", "No such dead letter"),
    Text(
        "编号不存在，或记录已过保存期。请核对编号。",
        "The id is unknown, or the record was kept long enough and deleted. Please check the id.",
    ),
)
DEAD_LETTER_RESOLVED: Final = Sentence(
    Text("这条记录已经处理过", "The dead letter is resolved already"),
    Text(
        "它已按另一种方式处理，这次没有改动。请查看处理结果。",
        "It was resolved in another way, and nothing was changed now. See its resolution.",
    ),
)
STILL_UNREADABLE: Final = Sentence(
    Text("修改后仍然读不出来", "It would still be unreadable"),
    Text(
        "改动没有保存。问题写在答复的说明里，请对照修改。",
        "The change was not saved. The answer names what is wrong with it. Please correct that.",
    ),
)

# For the owner of a frozen account, with the profile and the balance.
FROZEN_NOTICE: Final = Text(
    "您的碳账户已冻结：冻结期间不能兑换和捐赠，新的减碳量照常累计。如有疑问，请联系{contact}。",
    "Your carbon account is frozen: it cannot redeem or donate until it is released. New grams are still credited."
    " Ask {contact}.",
)
