"""Faults of single fields that only the rewards service knows."""

from typing import Final

from shared.language import Text

SALE_WINDOW: Final = Text("兑换开始时间要早于结束时间。", "The sale has to begin before it ends.")
SALE_YEAR: Final = Text("兑换时间要在 2020 年到 2100 年之间。", "The times of the sale lie between 2020 and 2100.")
PROMOTION: Final = Text(
    "促销活动和活动限兑数量要一起填写，或都不填。", "Give the promotion and its limit per person together, or neither."
)
NO_PIECES: Final = Text("请填写要加或减的数量，不能为 0。", "Give how many pieces to add or remove; 0 is none.")
NAME_INVISIBLE: Final = Text("名称里有看不见的字符，请去掉。", "The name has invisible characters. Please remove them.")
NAME_DIGITS: Final = Text("名称里的数字太多，请少用几个。", "The name has too many digits. Please use fewer.")
ONE_DONOR: Final = Text(
    "企业捐赠不能同时指定其他账户或小队。", "A donation of an enterprise names no other account and no team."
)
CAMPAIGN_WINDOW: Final = Text("活动开始时间要早于结束时间。", "The campaign has to begin before it ends.")
CAMPAIGN_YEAR: Final = Text(
    "活动时间要在 2020 年到 2100 年之间。", "The times of the campaign lie between 2020 and 2100."
)
CAMPAIGN_AMOUNTS: Final = Text(
    "每笔下限不能高于上限，上限不能高于目标。",
    "The minimum is at most the maximum, and the maximum at most the target.",
)
