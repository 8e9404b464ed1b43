"""Refusals of households, meters and family cards."""

from typing import Final

from shared.language import Sentence, Text

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
INVITATION_INVALID: Final = Sentence(
    Text("邀请码不能用", "The invitation is not valid"),
    Text(
        "邀请码有误、已过期（15 分钟）或已用过，您没有加入。请家人重新邀请。",
        ("The code is wrong, older than 15 minutes or used before. You did not join. Ask your family for a new one."),
    ),
)
