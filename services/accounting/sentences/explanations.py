"""Parts of an explained calculation. Amounts come from `shared.amounts.exact`, so one amount has one unit."""

from typing import Final

from shared.language import Text

PARTLY_CREDITED: Final = Text(
    "接近上限：这一次本可累计 {worth}，额度只剩 {got}，计入 {got}。",
    "Close to the limit: the act is worth {worth}, {got} were left and are credited.",
)
CREDITED_TO_HOUSEHOLD: Final = Text("累计 {got}，记入家庭账户。", "{got} credited to your household's account.")
CREDITED: Final = Text("累计 {got}。", "{got} credited.")
MENDED: Final = Text(
    "合作方上报的数据有 {count} 项无法读取，由两位运营人员核对后补正，提案编号 {proposal_id}。",
    "{count} values could not be read as reported. Two operators mended them (proposal {proposal_id}).",
)
MISSING_INPUT: Final = Text(
    "合作方没有上报{title}，算不出减碳量，没有累计。",
    "The partner did not report the {title}, so the amount cannot be calculated.",
)
ABOVE_LIMIT: Final = Text(
    "{name} {measured}，超过上限 {limit}，没有累计。",
    "The {name} of {measured} is above the limit of {limit}. It does not count.",
)
BELOW_LIMIT: Final = Text(
    "{name} {measured}，低于下限 {limit}，没有累计。",
    "The {name} of {measured} is below the limit of {limit}. It does not count.",
)
PER_HOUR: Final = Text("平均每小时{title}", "{title} per hour")
RATIO: Final = Text("{part}与{whole}之比", "{part} relative to the {whole}")
EVIDENCE: Final = Text("{tier}（系数 {multiplier}）", "{tier} (multiplier {multiplier})")
EVIDENCE_REFUSED: Final = Text("{tier}（不接受）", "{tier} (not accepted)")
CAP_OF_ACTS: Final = Text(
    "{period}上限 {limit} 次{whose}，此前已计 {used} 次",
    "limit {limit} acts {period}{whose}, {used} counted before",
)
CAP_OF_GRAMS: Final = Text(
    "{period}上限 {limit}{whose}，此前已计 {used}",
    "limit {limit} {period}{whose}, {used} counted before",
)
EVIDENCE_STEP: Final = Text("{before} × 证明系数 {tier} = {after}", "{before} × evidence {tier} = {after}")
NEGATIVE_STEP: Final = Text("结果为负，按 0 计", "negative, counted as 0")
ROUNDED_STEP: Final = Text("舍去不足 1 毫克的部分：{amount}", "rounded down to whole milligrams: {amount}")
CAPPED_STEP: Final = Text("按上限计入 {got}", "after caps: {got}")

TIERS: Final = {
    "partner_signed": Text("合作方系统签名上报", "reported and signed by the partner"),
    "navigation_trace": Text("导航轨迹", "navigation trace"),
    "photo": Text("照片", "photo"),
    "self_declared": Text("本人申报", "self-declared"),
}
LEAKAGE: Final = Text("泄漏排放", "leakage")
IMPROVEMENT: Final = Text("技术改进系数", "improvement factor")
PERIODS: Final = {
    "DAILY_CAP": Text("当天", "that day"),
    "MONTHLY_CAP": Text("当月", "that month"),
    "YEARLY_CAP": Text("当年", "that year"),
}
SUBJECTS: Final = {
    "account": Text("", ""),
    "own": Text("（您一人）", " for you alone"),
    "household": Text("（全家合计）", " for the household together"),
    "meter": Text("（这块电表）", " for this meter"),
}
# Each measure: its name and its unit.
MEASURES: Final = {
    "distance_m": (Text("里程", "distance"), Text("米", "m")),
    "route_m": (Text("里程（对照两端直线距离）", "distance (against the straight line)"), Text("米", "m")),
    "duration_s": (Text("用时", "duration"), Text("秒", "s")),
    "elapsed_s": (Text("起止时间差", "time from start to end"), Text("秒", "s")),
    "speed_kmh": (Text("平均时速", "average speed"), Text("公里", "km/h")),
    "weight_g": (Text("重量", "weight"), Text("克", "g")),
    "energy_wh": (Text("电量", "energy"), Text("瓦时", "Wh")),
    "energy_wh_per_hour": (Text("平均功率", "mean power"), Text("瓦", "W")),
    "baseline_wh": (Text("基准电量", "baseline"), Text("瓦时", "Wh")),
    "count": (Text("数量", "count"), Text("件", "")),
    "passenger_count": (Text("乘客", "passengers"), Text("人", "")),
    "od_distance_m": (Text("起讫点距离", "direct distance"), Text("米", "m")),
    "walked_m": (Text("步行里程", "distance walked"), Text("米", "m")),
    "cycled_m": (Text("骑行里程", "distance cycled"), Text("米", "m")),
    "by_bus_m": (Text("公交里程", "distance by bus"), Text("米", "m")),
    "by_rail_m": (Text("轨道交通里程", "distance by rail"), Text("米", "m")),
    "steps": (Text("步数", "number of steps"), Text("步", "")),
    "used_wh": (Text("用电量", "electricity used"), Text("瓦时", "Wh")),
    "average_wh_7d": (Text("前七天日均用电", "mean of the seven days before"), Text("瓦时", "Wh")),
    "persons": (Text("常住人口", "number of persons"), Text("人", "")),
    "replacement_percent": (Text("新品替代率", "replacement rate"), Text("%", "%")),
    "raw_mg": (Text("减碳量", "reduction"), Text("毫克", "mg")),
}
