"""Refusals of the accounts service. Each says what happened, what the reader has, and what to do."""

from typing import Final

from shared.language import Sentence, Text

BINDING_NOT_FOUND: Final = Sentence(
    Text("没有这个绑定", "No such binding"),
    Text(
        "这个绑定不存在，或不是您的。请在“我的绑定”里查看。",
        "This binding does not exist or is not yours. See the list of your bindings.",
    ),
)
BINDING_NOT_PENDING: Final = Sentence(
    Text("这个绑定不在等待确认", "This binding does not wait for a confirmation"),
    Text(
        "它已确认、已结束，或已过确认期限，这次没有改动。请查询它现在的状态。",
        "It was confirmed, has ended, or its time is over. Nothing was changed. Look up its present status.",
    ),
)
BINDING_STATE_INVALID: Final = Sentence(
    Text("这次确认不能用", "This confirmation is not valid"),
    Text(
        "确认已过期（10 分钟）、已用过，或不是这部手机上开始的，还没有绑定。请重新绑定一次。",
        (
            "It is older than 10 minutes, was used before, or began on another phone. Nothing was bound. Please "
            "bind once more."
        ),
    ),
)
PARTNER_ISSUER_MISMATCH: Final = Sentence(
    Text("确认不是这个合作方给的", "The confirmation is not the partner's"),
    Text(
        "为了安全，没有绑定，也没有使用您的信息。请重新绑定；再遇到，请联系客服。",
        "Nothing was bound and none of your data was used. Please bind again. If it happens again, ask support.",
    ),
)
BINDING_MODE_UNAVAILABLE: Final = Sentence(
    Text("不能用这种方式绑定", "This way of binding is not available"),
    Text(
        "这个合作方不支持您选的方式，还没有绑定。可以用：{supported}。",
        "The partner does not support it, and nothing was bound. You can use: {supported}.",
    ),
)
BINDING_NEEDS_TOKEN: Final = Sentence(
    Text("请用绑定码绑定", "This partner scans a code"),
    Text(
        "这个合作方要扫您的绑定码，还没有绑定。请打开“出示绑定码”，让对方的设备扫一扫。",
        "Nothing is bound yet. Show your binding code and let the partner's device scan it.",
    ),
)
BINDING_ALREADY_EXISTS: Final = Sentence(
    Text("您已绑定这个合作方", "You are bound to this partner"),
    Text(
        "您在这个合作方已绑定了另一个账号，这次没有改动。要换账号，请先解除原来的绑定。",
        (
            "You are bound with another account, and nothing was changed. To use another one, end the "
            "present binding first."
        ),
    ),
)
PARTNER_ACCOUNT_TAKEN: Final = Sentence(
    Text("这个账号已被别人绑定", "This account is bound to somebody else"),
    Text(
        "合作方的这个账号已绑定在另一个碳账户上，您没有绑定成功。请对方先解除绑定，或联系客服。",
        (
            "The partner's account belongs to another carbon account, so it was not bound. Its holder must "
            "end that binding first, or ask support."
        ),
    ),
)
BINDING_LIMIT_REACHED: Final = Sentence(
    Text("绑定的合作方太多", "You have too many bindings"),
    Text(
        "最多同时绑定 {limit} 个合作方，这次没有绑定。请先解除不用的绑定。",
        ("At most {limit} partners can be bound at a time, and this one was not. End a binding that you do not need."),
    ),
)
PHONE_REQUIRED: Final = Sentence(
    Text("请先验证手机号", "Please verify your phone number first"),
    Text(
        "这个合作方按手机号找到您的记录，您还没有验证手机号，所以没有绑定。请先在“我的”里验证。",
        (
            "The partner finds your records by your number. You have not verified one, so nothing was bound. "
            "Verify it in your profile."
        ),
    ),
)
COUNTS_FROM_OUT_OF_RANGE: Final = Sentence(
    Text("起算时间不对", "The start is out of range"),
    Text(
        "起算时间只能在 {earliest} 到 {latest} 之间，还没有绑定。请重新选择。",
        "The start must lie between {earliest} and {latest}. Nothing was bound. Please choose another time.",
    ),
)
BINDING_TOKEN_INVALID: Final = Sentence(
    Text("绑定码不能用", "The binding code is not valid"),
    Text(
        "绑定码有误、已过期（120 秒）或已用过，没有绑定。请用户重新出示。",
        (
            "The code is wrong, older than 120 seconds or used before. Nothing was bound. Ask the citizen to "
            "show a new one."
        ),
    ),
)
CARBON_ACCOUNT_NOT_OPENED: Final = Sentence(
    Text("您还没有领取碳账户", "You have no carbon account yet"),
    Text(
        "领取个人碳账户后，您的低碳行为才能累计减碳量。请先领取，再回来办理。",
        ("Your low-carbon acts earn grams once you have a personal carbon account. Open it first, then come back."),
    ),
)
CONSENT_REQUIRED: Final = Sentence(
    Text("需要您的同意", "Your consent is needed"),
    Text(
        "办理前需要您同意：{purpose}。还没有办理，也没有使用您的信息。请先阅读规则，同意后再试。",
        (
            "This needs your consent to {purpose}. Nothing was done and none of your data was used. Read the "
            "policy and consent first."
        ),
    ),
)
LOOK_UP_KEY_UNKNOWN: Final = Sentence(
    Text("系统正在维护", "The system is being maintained"),
    Text(
        "这次没有办理，您的账户没有变动。请过几分钟再试。",
        "Nothing was done, and your account is unchanged. Please try again in a few minutes.",
    ),
)
ACCOUNT_NO_INVALID: Final = Sentence(
    Text("碳账户号有误", "This is not an account number"),
    Text(
        "号码的末位校验不对，没有查找。请核对每一位数字。",
        "The check digit does not fit, so nothing was looked up. Please compare every digit.",
    ),
)
ACCOUNT_NOT_FOUND: Final = Sentence(
    Text("没有这个碳账户", "No such carbon account"),
    Text("查不到这个号码的碳账户。请核对号码。", "There is no account with this number. Please check it."),
)
PARTNERS_UNAVAILABLE: Final = Sentence(
    Text("暂时读不到合作方信息", "The list of partners cannot be read"),
    Text("这次没有绑定，也没有改动。请稍等片刻再试。", "Nothing was bound or changed. Please try again in a moment."),
)
PARTNER_NOT_FOUND: Final = Sentence(
    Text("没有这个合作方", "No such partner"),
    Text(
        "这个合作方不存在，或已停止合作。请在“低碳场景”里选择。",
        "This partner does not exist or has left the programme. Please choose one in the list of scenes.",
    ),
)
SIGNATURE_INVALID: Final = Sentence(
    Text("签名不对", "The signature is not valid"),
    Text(
        "签名、应用标识或时间不对，没有受理。请核对后重新签名；时间须与北京时间相差不超过 5 分钟。",
        (
            "The signature, the key or the time is wrong, so nothing was accepted. Check them and sign "
            "again. The clock must be right to 5 minutes."
        ),
    ),
)
SIGNATURE_REPLAYED: Final = Sentence(
    Text("这个签名已用过", "This signature was used before"),
    Text(
        "同一个签名只能用一次，这次没有受理。请换一个随机串重新签名。",
        "A signature is valid once, so nothing was accepted. Sign again with another random text.",
    ),
)
PARTNER_CODE_INVALID: Final = Sentence(
    Text("合作方没有确认您的账号", "The partner did not confirm your account"),
    Text(
        "确认已过期或无效，还没有绑定。请回到合作方那里，重新确认一次。",
        (
            "The confirmation has expired or is not valid, and nothing was bound. Go back to the partner and "
            "confirm again."
        ),
    ),
)
PARTNER_UNAVAILABLE: Final = Sentence(
    Text("合作方暂时没有应答", "The partner does not answer"),
    Text("还没有绑定。请过几分钟，重新绑定一次。", "Nothing is bound yet. Please bind again in a few minutes."),
)
PHONE_TAKEN: Final = Sentence(
    Text("这个手机号已被使用", "This number belongs to another account"),
    Text(
        "手机号已用于另一个账户，您的手机号没有改动。请换一个号码，或联系客服。",
        "One number serves one account, so yours was not changed. Use another number or ask support.",
    ),
)
POLICY_VERSION_UNKNOWN: Final = Sentence(
    Text("没有这一版规则", "There is no such version of the policy"),
    Text(
        "您看到的个人信息处理规则不是现行版本，还没有记下您的同意。请阅读现行版本（{current}）后再同意。",
        "Your consent was not recorded. Read the current version ({current}) and consent to that one.",
    ),
)
POLICY_VERSION_OUTDATED: Final = Sentence(
    Text("个人信息处理规则已更新", "The policy has a newer version"),
    Text(
        "您看到的是旧版本，还没有记下您的同意。请阅读现行版本（{current}）后再同意。",
        (
            "You saw an older version, and your consent was not recorded. Read the current one ({current}) "
            "and consent to that."
        ),
    ),
)
QUOTA_EXCEEDED: Final = Sentence(
    Text("操作太频繁", "Too many requests"),
    Text(
        "{window}内最多 {at_most} 次，这次没有办理。请过一会儿再试。",
        "At most {at_most} times in {window}. This one was not handled. Please try again later.",
    ),
)
REFRESH_TOKEN_INVALID: Final = Sentence(
    Text("登录已失效", "Your log-in has ended"),
    Text(
        "为了安全，您需要重新登录。您的碳账户和减碳量都没有变动。",
        "Please log in again. Your carbon account and your grams are unchanged.",
    ),
)
REFRESH_TOKEN_REUSED: Final = Sentence(
    Text("登录已失效", "Your log-in has ended"),
    Text(
        "您的登录凭证被用了两次，为了安全，这台手机已退出登录，减碳量没有变动。请重新登录。",
        (
            "Your log-in was used twice, so this phone was logged out for your safety. Your grams are "
            "unchanged. Please log in again."
        ),
    ),
)
SESSION_NOT_FOUND: Final = Sentence(
    Text("没有这次登录", "No such log-in"),
    Text(
        "这次登录不存在，或不是您的，没有改动。请在“登录设备”里查看。",
        "This log-in does not exist or is not yours. Nothing was changed. See the list of your devices.",
    ),
)
STEP_UP_REQUIRED: Final = Sentence(
    Text("请先确认是您本人", "Please confirm that it is you"),
    Text(
        "这一步要先用微信确认是您本人，还没有办理，也没有改动。请确认后在 5 分钟内再试。",
        "WeChat must confirm that it is you. Nothing was changed. Confirm, then repeat this within 5 minutes.",
    ),
)
STEP_UP_OTHER_PERSON: Final = Sentence(
    Text("不是同一个微信号", "This is another WeChat user"),
    Text(
        "确认用的微信号不是登录这个账户的微信号，没有改动。请换回原来的微信号再确认。",
        "The confirmation came from another WeChat user, and nothing was changed. Confirm with the user who logged in.",
    ),
)
STEP_UP_CODE_INVALID: Final = Sentence(
    Text("确认没有成功", "The confirmation did not work"),
    Text(
        "微信的凭证已过期或已用过，您仍在登录中，没有改动。请重新确认一次。",
        "The code of WeChat has expired or was used. You stay logged in, and nothing was changed. Confirm again.",
    ),
)
WX_CODE_INVALID: Final = Sentence(
    Text("微信登录没有成功", "The WeChat log-in did not work"),
    Text(
        "微信的登录凭证已过期或已用过，您还没有登录。请重新点一次登录。",
        "The code of WeChat has expired or was used, so you are not logged in. Please log in once more.",
    ),
)
WX_PHONE_CODE_INVALID: Final = Sentence(
    Text("没有取得手机号", "The phone number was not received"),
    Text(
        "微信的手机号凭证已过期或已用过，手机号没有改动。请重新点一次“获取手机号”。",
        ("The code of WeChat has expired or was used, and your number was not changed. Please ask for it once more."),
    ),
)
WX_USER_BLOCKED: Final = Sentence(
    Text("微信暂不让您登录", "WeChat does not let you log in"),
    Text(
        "微信认为这个微信号有风险，拦下了这次登录。您的碳账户没有变动。请在微信里查看原因，或联系客服。",
        (
            "WeChat sees a risk in this user and refused the log-in. Your carbon account is unchanged. See "
            "WeChat for the reason or ask support."
        ),
    ),
)
WX_RATE_LIMITED: Final = Sentence(
    Text("登录太频繁", "You log in too often"),
    Text(
        "微信限制了登录次数，您还没有登录。请过一分钟再试。",
        "WeChat limits the number of log-ins, and you are not logged in. Please try again in a minute.",
    ),
)
WX_BUSY: Final = Sentence(
    Text("现在登录的人较多", "Many people log in at once"),
    Text("您还没有登录。请稍等片刻，重新登录。", "You are not logged in yet. Wait a moment and log in again."),
)
WX_UNAVAILABLE: Final = Sentence(
    Text("微信暂时没有应答", "WeChat does not answer"),
    Text(
        "您还没有登录，碳账户没有变动。请稍等片刻，重新登录。",
        "You are not logged in, and your carbon account is unchanged. Wait a moment and log in again.",
    ),
)
WX_ASK_LATER: Final = Sentence(
    Text("微信暂时不能办理", "WeChat cannot do this now"),
    Text(
        "微信没有应答或限制了次数，这次没有办理，原有内容不变。请过一会儿再试。",
        "WeChat does not answer or limits the number of requests. Nothing was changed. Please try again later.",
    ),
)
WX_LOG_IN_AGAIN: Final = Sentence(
    Text("请重新登录微信后再试", "Please log in with WeChat again"),
    Text(
        "微信的登录凭证已更换，读不出这次的内容，没有办理。请重新打开小程序再试。",
        "WeChat has changed its key, so this could not be read, and nothing was done. Open the mini-program again.",
    ),
)
WX_OTHER_PERSON: Final = Sentence(
    Text("不是同一个微信号", "This is another WeChat user"),
    Text(
        "内容来自另一个微信号，没有办理。请用登录时的微信号再试。",
        "It comes from another WeChat user, so nothing was done. Use the one that you logged in with.",
    ),
)
MESSAGE_KIND_UNAVAILABLE: Final = Sentence(
    Text("暂不提供这类消息", "This kind of message is not offered"),
    Text(
        "本市还没有开通这类消息，没有记下您的选择。可以选择：{offered}。",
        "This city does not send it yet, so your choice was not recorded. You can choose: {offered}.",
    ),
)
KIND_TWICE: Final = Text("同一类消息只能出现一次", "Each kind may occur once")
QR_PAGE_UNKNOWN: Final = Sentence(
    Text("小程序里没有这个页面", "The mini-program has no such page"),
    Text(
        "页面不存在或还没有发布，没有生成小程序码。请从小程序里的页面分享。",
        "The page does not exist or is not released yet, so there is no code. Share from a page of the mini-program.",
    ),
)
TEXT_RISKY: Final = Sentence(
    Text("这段文字不能使用", "This text cannot be used"),
    Text(
        "文字可能含有违规内容，没有保存，原来的名称不变。请换一种说法。",
        "It may break the rules of WeChat. It was not saved, and the present name stays. Please choose another text.",
    ),
)
TEXT_UNDER_REVIEW: Final = Sentence(
    Text("文字正在审核", "This text is being reviewed"),
    Text(
        "文字需要人工审核，暂未保存，别人看不到。审核通过后，请再提交一次，或换一种说法。",
        "A person will look at it. It is not saved, and nobody sees it. Send it again later, or choose another text.",
    ),
)
TEXT_CHECK_NOT_FOUND: Final = Sentence(
    Text("没有这段待审核的文字", "No such text"),
    Text("编号不存在，或已被删除。请刷新列表再看。", "The id is unknown, or the text was deleted. Refresh the list."),
)
STEPS_NOT_REPORTED: Final = Sentence(
    Text("步数暂时没有上报", "The steps were not reported"),
    Text(
        "系统暂时繁忙，步数没有上报，也不会丢失。请过一会儿重新打开小程序。",
        "The system is busy. Nothing was reported and nothing is lost. Please open the mini-program again later.",
    ),
)
