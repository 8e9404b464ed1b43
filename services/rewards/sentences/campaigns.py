"""Refusals that operators of campaigns read. Each says what happened and what to do."""

from typing import Final

from shared.language import Sentence, Text

CAMPAIGN_EXISTS: Final = Sentence(
    Text("已有这个编号的活动", "A campaign has this id"),
    Text("没有另开。请换一个编号，或提议修改已有的活动。", "None was opened. Choose another id, or propose a change."),
)
CAMPAIGN_CHANGED: Final = Sentence(
    Text("活动在提议之后改过", "The campaign was changed after the proposal"),
    Text(
        "没有生效。请核对现在的内容，重新提议。",
        "Nothing was done. Check the present content and propose again.",
    ),
)
CAMPAIGN_ENDED: Final = Sentence(
    Text("这项活动已经关闭", "The campaign is closed"),
    Text(
        "没有改动。关闭后不再修改，也不再开放；请另开一项。",
        "Nothing was changed. A closed campaign stays closed. Open another one.",
    ),
)
CAMPAIGN_TARGET_TOO_LOW: Final = Sentence(
    Text("目标低于已捐和办理中的数量", "The target is below what is given or under way"),
    Text(
        "没有改动。目标至少是 {least}；不想再接受捐赠，请关闭活动。",
        "Nothing was changed. The target is {least} at least. To take no more, close the campaign.",
    ),
)
TOO_MANY_CAMPAIGNS: Final = Sentence(
    Text("活动太多", "Too many campaigns"),
    Text("最多 {most} 项，没有另开。", "There are at most {most}. None was opened."),
)
