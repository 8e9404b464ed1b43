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
HOUSEHOLD_NOT_FOUND: Final = Sentence(
    Text("没有这个家庭账户", "No such household"),
    Text(
        "家庭账户不存在，或您不是其中的成员。请让家人发邀请码给您。",
        "There is no such household, or you are not a member of it. Ask your family for an invitation.",
    ),
)
ALREADY_IN_HOUSEHOLD: Final = Sentence(
    Text("您已在另一个家庭", "You belong to another household"),
    Text(
        "一人只能加入一个家庭，这次没有加入。要换家庭，请先退出现在的家庭。",
        ("A person belongs to one household, so you did not join this one. To change, leave the present one first."),
    ),
)
HOUSEHOLD_MOVE_TOO_SOON: Final = Sentence(
    Text("退出家庭后要等一段时间", "It is too soon after leaving a household"),
    Text(
        "退出后 {days} 天内不能换家庭，这次没有加入。{earliest}以后可以。",
        ("You can join another one {days} days after leaving. You did not join this time. You can from {earliest} on."),
    ),
)
HOUSEHOLD_FULL: Final = Sentence(
    Text("家庭成员已满", "The household is full"),
    Text(
        "一个家庭最多 {limit} 人，您没有加入。请家里人先退出一位，再来加入。",
        "A household has at most {limit} members, so you did not join. Somebody has to leave it first.",
    ),
)
INVITATION_INVALID: Final = Sentence(
    Text("邀请码不能用", "The invitation is not valid"),
    Text(
        "邀请码有误、已过期（15 分钟）或已用过，您没有加入。请家人重新邀请。",
        ("The code is wrong, older than 15 minutes or used before. You did not join. Ask your family for a new one."),
    ),
)
HOUSEHOLD_OWNER_ONLY: Final = Sentence(
    Text("只有户主可以操作", "Only the owner can do this"),
    Text(
        "改家庭名称、移出成员和移交户主要由户主操作，这次没有改动。请找户主办理。",
        "The owner names the household, ends stays and hands it over. Nothing was changed. Ask the owner.",
    ),
)
HOUSEHOLD_MEMBER_NOT_FOUND: Final = Sentence(
    Text("没有这位成员", "No such member"),
    Text(
        "这位成员不在家庭里，或是您自己，没有改动。请刷新后再看。",
        "This person does not live in the household, or it is you. Nothing was changed. Refresh the page.",
    ),
)
HOUSEHOLD_NOT_OFFERED: Final = Sentence(
    Text("没有待接受的移交", "Nothing was offered to you"),
    Text(
        "户主没有把家庭移交给您，或移交已取消、已过期。请让户主重新发起。",
        "The owner has not offered you the household, or the offer was withdrawn or has expired. Ask the owner again.",
    ),
)
RULE_PROPOSAL_OPEN: Final = Sentence(
    Text("已有一个待同意的规则", "Another rule is proposed already"),
    Text(
        "家人提议的规则还没有定下来，这次没有提交。请先同意或拒绝它。",
        "A member's proposal is still open, so yours was not made. Agree to it or refuse it first.",
    ),
)
NO_RULE_PROPOSAL: Final = Sentence(
    Text("没有待同意的规则", "No rule is proposed"),
    Text(
        "规则已生效、被拒绝、撤回或过期，没有改动。请刷新后再看。",
        "It is in force, was refused or withdrawn, or has expired. Nothing was changed. Refresh the page.",
    ),
)
METER_CLAIM_NOT_FOUND: Final = Sentence(
    Text("没有待确认的电表", "No meter to confirm"),
    Text(
        "这个家庭碳账户没有登记这块电表，或登记已过期，没有改动。请核对户号和账户号。",
        "That account has not claimed this meter, or the claim has ended. Nothing was changed. Check both numbers.",
    ),
)
NOT_GRID_COMPANY: Final = Sentence(
    Text("不能确认电表", "You cannot confirm meters"),
    Text(
        "只有电网公司可以确认电表，没有改动。需要开通请联系我们。",
        "Only grid companies confirm meters. Nothing was changed. Ask us to be enabled.",
    ),
)
TEXT_NOT_ALLOWED: Final = Sentence(
    Text("这个名称不能用", "This name cannot be used"),
    Text(
        "名称里有不能公开显示的内容，没有保存。请换一个。",
        "It contains something that may not be shown to others. It was not stored. Choose another one.",
    ),
)
FAMILY_CARD_NOT_FOUND: Final = Sentence(
    Text("没有这张亲情卡", "No such family card"),
    Text(
        "这张亲情卡不存在、已停用，或不由您代管。请核对后再试，也可以到服务窗口办理。",
        "The card does not exist, has ended, or you are not its proxy. Check it, or ask at a service window.",
    ),
)
FAMILY_CARD_LIMIT_REACHED: Final = Sentence(
    Text("代管的亲情卡太多", "Too many family cards"),
    Text(
        "一人最多代管 {limit} 张亲情卡，这次没有办理。请先停用不用的卡，或请其他家人代管。",
        "A person cares for at most {limit} cards, and this one was not opened. End one, or ask another relative.",
    ),
)
FAMILY_CARD_RENEWED_LATELY: Final = Sentence(
    Text("刚换过码，要等几天", "The code was replaced lately"),
    Text(
        "窗口换码后 {days} 天内不能移交或更换代管人，没有办理。{earliest}以后可以。",
        "For {days} days after a window replaced it, the card goes to nobody else. Nothing was changed. It can from"
        " {earliest} on.",
    ),
)
FAMILY_CARD_CODE_INVALID: Final = Sentence(
    Text("这个码不能用", "This code does not work"),
    Text(
        "码不对、已用过，或超过了 15 分钟，没有办理。请让代管人或服务窗口重新出示。",
        "It is wrong, used, or older than 15 minutes. Nothing was changed. Ask the proxy or the window for a new one.",
    ),
)
OWN_ACCOUNT_OPENED: Final = Sentence(
    Text("您已有自己的碳账户或手机号", "You have an account or number of your own"),
    Text(
        "接收亲情卡要在领取碳账户、验证手机号之前，没有办理。卡可以照常由家人代管。",
        "A card is taken over before one opens an account or verifies a number. Nothing was changed, and the card stays"
        " as it is.",
    ),
)
METER_TAKEN: Final = Sentence(
    Text("这块电表已被登记", "This meter is registered already"),
    Text(
        "这块电表登记在另一个家庭名下，没有登记成功。请核对电表编号；确是您家的，请联系客服。",
        (
            "It belongs to another household, so it was not registered. Check its number. If the meter is "
            "yours, ask support."
        ),
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
SESSION_ENDED: Final = Sentence(
    Text("您已退出登录", "You are logged out"),
    Text(
        "这次没有办理，减碳量没有变动。请重新登录后再试。",
        "Nothing was done, and no grams were taken. Log in again and repeat what you did.",
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
