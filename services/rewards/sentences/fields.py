"""Faults of single fields that only the rewards service knows."""

from typing import Final

from shared.language import Text

SALE_WINDOW: Final = Text("兑换开始时间要早于结束时间。", "The sale has to begin before it ends.")
SALE_YEAR: Final = Text("兑换时间要在 2020 年到 2100 年之间。", "The times of the sale lie between 2020 and 2100.")
PROMOTION: Final = Text(
    "促销活动和活动限兑数量要一起填写，或都不填。", "Give the promotion and its limit per person together, or neither."
)
NO_PIECES: Final = Text("请填写要加或减的数量，不能为 0。", "Give how many pieces to add or remove; 0 is none.")
