"""Names that stand in sentences and lists: ways to bind, purposes of consent, devices, scenes."""

from typing import Final

from shared.language import Text

WAYS_TO_BIND: Final = {
    "oauth": Text("在合作方那里确认", "confirm with the partner"),
    "phone_hash": Text("手机号", "your phone number"),
    "token": Text("出示绑定码", "a binding code"),
    "account_no": Text("填写合作方账号", "the partner's account number"),
}
HOUSEHOLD_STAY_ENDED: Final = Text(
    "户主已把您移出家庭。您的个人碳账户和减碳量不受影响，家庭减碳量不能再用。",
    "The owner has ended your stay in the household. Your own account and grams are untouched. The household's grams"
    " are no longer yours to use.",
)
PURPOSES: Final = {
    "data_processing": Text("个人信息处理规则", "the processing of your data"),
    "messages": Text("接收消息提醒", "messages about your account"),
    "rankings": Text("参加排行榜", "rankings"),
    "research": Text("用于研究", "research"),
    "location": Text("使用行程位置", "the places of your trips"),
    "health_steps": Text("使用微信步数", "your WeChat steps"),
    "pooling": Text("汇集减碳量", "pooling your reductions"),
}
DEVICES: Final = {
    "developer_tools": Text("开发者工具", "Developer tools"),
    "wechat_iphone": Text("微信 · iPhone", "WeChat · iPhone"),
    "wechat_ipad": Text("微信 · iPad", "WeChat · iPad"),
    "wechat_harmony": Text("微信 · 鸿蒙", "WeChat · HarmonyOS"),
    "wechat_android": Text("微信 · Android", "WeChat · Android"),
    "wechat_computer": Text("微信 · 电脑", "WeChat · computer"),
    "other": Text("其他设备", "Another device"),
}
PARTNER_SHARING: Final = Text("与这个合作方共享信息", "sharing data with this partner")
# Title, and how to earn.
SCENES: Final = {
    "bus": (
        Text("公交出行", "Bus"),
        Text(
            "绑定公交卡或乘车码。坐完公交车，由公交公司自动上报。",
            "Bind your bus card or ride code. The bus operator reports every ride.",
        ),
    ),
    "metro": (
        Text("地铁出行", "Metro"),
        Text(
            "绑定地铁乘车账号。刷码进出站后，自动上报。",
            "Bind your metro account. A ride is reported when you pass the gates.",
        ),
    ),
    "ev_ride": (
        Text("新能源车出行", "Electric ride"),
        Text(
            "绑定网约车平台。您坐新能源汽车的行程自动上报。",
            "Bind your ride-hailing account. Trips in electric cars are reported.",
        ),
    ),
    "bike": (
        Text("骑行", "Cycling"),
        Text(
            "绑定共享单车平台。骑完锁车后，自动上报。",
            "Bind your shared-bike account. A ride is reported when it ends.",
        ),
    ),
    "own_bag": (
        Text("自备购物袋", "Own shopping bag"),
        Text(
            "买东西自己带袋子，由收银台确认，或在小程序里自己申报。",
            "Bring your own bag. The till confirms it, or you declare it in the mini-program.",
        ),
    ),
    "recycling": (
        Text("旧物回收", "Recycling"),
        Text(
            "在智能回收机前出示绑定码，放进可回收物，称重后自动上报。",
            "Show your binding code at a recycling machine. What you deposit is weighed and reported.",
        ),
    ),
    "power_saving": (
        Text("节约用电", "Saving power"),
        Text(
            "绑定电力户号。比往常少用的电，由电网公司按期上报。",
            "Bind your electricity account. The grid company reports how much less than usual you used.",
        ),
    ),
}
