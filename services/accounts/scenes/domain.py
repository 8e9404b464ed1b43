"""The low-carbon scenes of the programme, in the order in which citizens see them."""

from dataclasses import dataclass

from shared.language import Text


@dataclass(frozen=True, slots=True)
class Scene:
    """A scene. Partners register for its `code`, and activities carry it."""

    code: str
    title: Text
    how_to_earn: Text


SCENES = (
    Scene(
        code="bus",
        title=Text("公交出行", "Bus"),
        how_to_earn=Text(
            "绑定公交卡或乘车码，乘坐公交车后由公交公司自动上报。",
            "Bind your bus card or ride code; the bus operator reports every ride.",
        ),
    ),
    Scene(
        code="metro",
        title=Text("地铁出行", "Metro"),
        how_to_earn=Text(
            "绑定地铁乘车账户，刷码进出站后自动上报。",
            "Bind your metro account; a ride is reported when you pass the gates.",
        ),
    ),
    Scene(
        code="ev_ride",
        title=Text("新能源车出行", "Electric ride"),
        how_to_earn=Text(
            "绑定网约车平台，乘坐新能源汽车的行程自动上报。",
            "Bind your ride-hailing account; trips in electric cars are reported.",
        ),
    ),
    Scene(
        code="bike",
        title=Text("骑行", "Cycling"),
        how_to_earn=Text(
            "绑定共享单车平台，骑行结束后自动上报。",
            "Bind your shared-bike account; a ride is reported when it ends.",
        ),
    ),
    Scene(
        code="own_bag",
        title=Text("自备购物袋", "Own shopping bag"),
        how_to_earn=Text(
            "购物时自备购物袋，由收银台确认或在小程序内申报。",
            "Bring your own bag; the till confirms it, or you declare it in the mini-program.",
        ),
    ),
    Scene(
        code="recycling",
        title=Text("旧物回收", "Recycling"),
        how_to_earn=Text(
            "在智能回收机出示绑定码，投放可回收物后按重量自动上报。",
            "Show your token at a recycling machine; what you deposit is weighed and reported.",
        ),
    ),
    Scene(
        code="power_saving",
        title=Text("节约用电", "Saving power"),
        how_to_earn=Text(
            "绑定电力户号，较基准节省的电量由电网公司按期上报。",
            "Bind your electricity account; the grid company reports how much less than your baseline you used.",
        ),
    ),
)
