"""What citizens read about badges and rankings."""

from collections.abc import Mapping
from typing import Final

from shared.language import Sentence, Text

WITHDRAWN: Final[Mapping[str, Text]] = {
    "ACTS_TAKEN_BACK": Text(
        "部分低碳行为的记录被更正或撤销，没有达到要求。继续积累可以再次获得。",
        "Some of your acts were corrected or reversed, so the rule is not met. You can earn the badge again.",
    ),
    "HOUSEHOLD_CHANGED": Text(
        "家庭成员或家庭的记录有变化，没有达到要求。达到后可以再次获得。",
        "Your household or its acts changed, so the rule is not met. You can earn the badge again.",
    ),
    "RULE_CHANGED": Text(
        "徽章的规则改了，按新规则没有达到要求。达到后可以再次获得。",
        "The rule of the badge changed and is not met. You can earn the badge by the new rule.",
    ),
}
PSEUDONYM_TAKEN: Final = Sentence(
    Text("这个代号有人用了", "Somebody has this pseudonym"),
    Text(
        "没有改动。请换一个代号，再试一次。",
        "Nothing was changed. Choose another pseudonym and try again.",
    ),
)
NO_PSEUDONYM: Final = Text("请从给出的代号里选一个。", "Choose one of the pseudonyms offered.")
NO_DISTRICT: Final = Text("请从列出的区里选一个。", "Choose one of the districts listed.")
DISTRICT_NOT_CHOSEN: Final = Sentence(
    Text("您还没有选区", "You have chosen no district"),
    Text(
        "看区排行请指定一个区，或在参加排行时选一个。",
        "Name a district to see its ranking, or choose one when you take part.",
    ),
)
CAMPAIGN_NEEDED: Final = Text("请指定公益活动。", "Name the campaign.")
