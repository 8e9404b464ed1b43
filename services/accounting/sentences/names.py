"""Names that stand in sentences: scenes."""

from typing import Final

from shared.language import Text

SCENES: Final = {
    "bus": Text("公交出行", "bus"),
    "metro": Text("地铁出行", "metro"),
    "ev_ride": Text("新能源车出行", "electric ride"),
    "bike": Text("骑行", "cycling"),
    "own_bag": Text("自备购物袋", "own shopping bag"),
    "recycling": Text("旧物回收", "recycling"),
    "power_saving": Text("节约用电", "saving power"),
}


def scene(code: str) -> Text:
    """Return the name of a scene; its code if a methodology uses another one."""
    return SCENES.get(code, Text(code, code))
