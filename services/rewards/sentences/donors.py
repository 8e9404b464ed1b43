"""Refusals about donors: enterprises, teams and monthly giving. Each says what happened and what to do."""

from typing import Final

from shared.language import Sentence, Text

ENTERPRISE_NOT_FOUND: Final = Sentence(
    Text("没有这个企业", "No such enterprise"),
    Text(
        "企业不存在，或您不是其中的成员。请让贵单位的管理员添加您。",
        "There is no such enterprise, or you are not a member of it. Ask its administrator to add you.",
    ),
)
ENTERPRISE_ROLE_REQUIRED: Final = Sentence(
    Text("您没有这项权限", "Your role does not allow this"),
    Text(
        "您在这个企业的角色不能办理捐赠，没有捐出。请让经办人办理，或请管理员给您这个角色。",
        "Your roles in this enterprise do not allow donations, and nothing was donated. Ask one of its makers.",
    ),
)
ENTERPRISE_SUSPENDED: Final = Sentence(
    Text("企业已暂停", "The enterprise is suspended"),
    Text(
        "暂停期间不能捐赠，没有捐出，企业的减碳量还在。请联系客服了解原因。",
        "It cannot donate while it is suspended. Nothing was donated and its grams are still there. Ask support why.",
    ),
)
ENTERPRISE_CLOSED: Final = Sentence(
    Text("企业已关闭", "The enterprise is closed"),
    Text(
        "关闭后不能再捐赠，没有捐出。需要继续的，请重新申请企业碳账户。",
        "It cannot donate any more, and nothing was donated. To go on, apply for an enterprise account again.",
    ),
)
TEAM_NOT_FOUND: Final = Sentence(
    Text("没有这个小队", "No such team"),
    Text(
        "小队不存在，或您不在其中。可以新建一个，或用邀请码加入。",
        "There is no such team, or you are not in it. Open one, or join one with a code.",
    ),
)
TEAM_CODE_INVALID: Final = Sentence(
    Text("邀请码无效", "The code is not valid"),
    Text(
        "邀请码输错了，或已过期、已换新，您没有加入小队。请向队长要一个新的邀请码。",
        "It is mistyped, expired or replaced. You have not joined a team. Ask the owner of the team for a new one.",
    ),
)
TEAM_MEMBER_NOT_FOUND: Final = Sentence(
    Text("没有这位队员", "No such member"),
    Text(
        "这位队员不在您的小队，没有移交。请刷新队员名单再选。",
        "This member is not in your team, and nothing was handed over. Refresh the list and choose again.",
    ),
)
TEAM_OWNER_REQUIRED: Final = Sentence(
    Text("只有队长可以办理", "Only the owner can do this"),
    Text("您不是队长，没有改动。请让队长办理。", "You are not the owner, and nothing was changed. Ask the owner."),
)
IN_A_TEAM_ALREADY: Final = Sentence(
    Text("您已经在一个小队里", "You are in a team already"),
    Text(
        "每人同时只能在一个小队，您还在原来的小队。想换的话，请先退出。",
        "One person is in one team at a time, and you are still in yours. To change, leave it first.",
    ),
)
TEAM_FULL: Final = Sentence(
    Text("小队已满", "The team is full"),
    Text(
        "一个小队最多 {most} 人，您没有加入。可以新建一个小队。",
        "A team has at most {most} members, and you have not joined. You can open another one.",
    ),
)
TEAM_NEEDS_OWNER: Final = Sentence(
    Text("队长不能直接退出", "The owner cannot just leave"),
    Text(
        "小队里还有队员，您还是队长。请先移交给一位队员，或解散小队。",
        "Others are still in the team, and you are still its owner. Hand it over to one of them, or close it.",
    ),
)
TOO_MANY_TEAMS: Final = Sentence(
    Text("您新建的小队太多", "You have opened too many teams"),
    Text(
        "每人最多新建 {most} 个小队，没有再建。请用邀请码加入别的小队。",
        "One person opens at most {most} teams. None was opened. Join one with a code.",
    ),
)
STANDING_ORDER_NOT_FOUND: Final = Sentence(
    Text("没有这项每月捐赠", "No such monthly donation"),
    Text(
        "这项每月捐赠不存在，或不是您的。请在“每月捐赠”里查看。",
        "It does not exist or is not yours. See the list of your monthly donations.",
    ),
)
STANDING_ORDER_EXISTS: Final = Sentence(
    Text("您已经每月捐给这项活动", "You give to this campaign every month already"),
    Text(
        "没有再建一项，原来的照常。想改数量或日期，请先取消原来的。",
        "No second one was made, and the first goes on. To change the amount or the day, cancel it first.",
    ),
)
STANDING_ORDER_ENDED: Final = Sentence(
    Text("这项每月捐赠已经结束", "The monthly donation has ended"),
    Text("没有改动。想继续的话，请新建一项。", "Nothing was changed. To go on, make a new one."),
)
TOO_MANY_STANDING_ORDERS: Final = Sentence(
    Text("每月捐赠太多", "Too many monthly donations"),
    Text(
        "每人最多同时有 {most} 项，没有再建。请先取消一项。",
        "One person has at most {most} at a time. None was made. Cancel one first.",
    ),
)
