"""Sentences for partners about the verdict on an event. A code without a sentence is shown as it is.

The codes are those of accounting's outcomes. For a copy without a code the status is used.
"""

from collections.abc import Mapping
from typing import Final

from shared.language import Language, Text

SENTENCES: Final[Mapping[str, Text]] = {
    "CREDITED": Text("已累计。", "Credited."),
    "PARTLY_CAPPED": Text("接近上限，只累计了剩余额度。", "Close to the limit: only the rest of it is counted."),
    "IMPLAUSIBLE_TIME": Text("起止时间对不上。", "The start and end times do not fit together."),
    "IMPLAUSIBLE_DURATION": Text("用时超出合理范围。", "The duration is not plausible."),
    "IMPLAUSIBLE_DISTANCE": Text("里程超出合理范围。", "The distance is not plausible."),
    "IMPLAUSIBLE_SPEED": Text("平均速度超出合理范围。", "The average speed is not plausible."),
    "IMPLAUSIBLE_AMOUNT": Text("数量超出合理范围。", "The quantity is not plausible."),
    "IMPLAUSIBLE_RATE": Text("单位时间内的数量超出合理范围。", "The quantity per hour is not plausible."),
    "IMPLAUSIBLE_RATIO": Text("几项数量之间的关系不合理。", "The quantities do not fit together."),
    "NOBODY_CARRIED": Text(
        "行程没有乘客（trip_type 为 empty 或 reservation，或 passenger_count 为 0）。",
        "Nobody was carried (trip_type empty or reservation, or passenger_count 0).",
    ),
    "NOT_YET_HAPPENED": Text("行为时间晚于收到时间。", "The act is dated after the moment it was received."),
    "TOO_LATE": Text("超过补录期限。", "Reported too late to count."),
    "NO_BINDING": Text("用户尚未绑定；绑定后会自动重新核算。", "No binding yet; judged again once there is one."),
    "BEFORE_BINDING": Text("发生在绑定生效之前。", "It happened before the binding took effect."),
    "AFTER_BINDING": Text("发生在解除绑定之后。", "It happened after the binding ended."),
    "CONSENT_WITHDRAWN": Text("用户已撤回同意。", "The person has withdrawn consent."),
    "DUPLICATE_ACT": Text("同一次行为已经累计过。", "The same act has already been counted."),
    "COUNTED_ELSEWHERE": Text(
        "这个单号已为另一个账户累计过。", "The number of this act has already been counted for another account."
    ),
    "VEHICLE_COUNTED": Text(
        "同一辆车同一时间的行程已经累计过；多人同乘请填 passenger_count。",
        "A trip of this vehicle at this time has already been counted. Report shared rides with passenger_count.",
    ),
    "METER_COUNTED": Text(
        "这块电表的重叠时段已经累计过。", "An overlapping period of this meter has already been counted."
    ),
    "HOUSEHOLD_REQUIRED": Text(
        "这一项按家庭累计，用户当时没有加入家庭账户。", "This counts for households. The person belonged to none."
    ),
    "METER_NOT_OF_HOUSEHOLD": Text(
        "这块电表当时没有登记在用户家庭名下。", "The person's household had not registered this meter."
    ),
    "METER_UNKNOWN": Text("没有说明是哪块电表。", "The event names no meter."),
    "METHODOLOGY_REFUSED": Text(
        "适用的方法学正在核对；核对后会自动核算。", "The methodology is being checked; judged once it is in order."
    ),
    "NO_METHODOLOGY": Text(
        "当地当时没有适用的方法学。", "No methodology covers this kind of act at that place and time."
    ),
    "EVIDENCE_NOT_ACCEPTED": Text("方法学不接受这种证明方式。", "The methodology does not accept this evidence."),
    "MISSING_INPUT": Text("缺少核算所需的数据。", "A value the calculation needs is missing."),
    "NOT_COMPUTABLE": Text("无法算出减碳量。", "No result can be computed."),
    "DAILY_CAP": Text("当日上限已满。", "The daily limit is reached."),
    "MONTHLY_CAP": Text("当月上限已满。", "The monthly limit is reached."),
    "YEARLY_CAP": Text("当年上限已满。", "The yearly limit is reached."),
    "BELOW_MINIMUM": Text("减碳量不足 1 毫克。", "The reduction is below one milligram."),
    "CANCELLED": Text("已按贵方的撤销冲回。", "Reversed by your cancellation."),
    "CORRECTED": Text("已按贵方的更正冲回并重新核算。", "Reversed and judged again after your correction."),
    "ORIGINAL_UNKNOWN": Text(
        "七天内没有收到要更正或撤销的原始事件。", "The original event did not arrive within seven days."
    ),
    "CORRECTION_TOO_LATE": Text("超过更正期限，原始事件不变。", "Corrected too late. The original event stands."),
    "NOTHING_TO_CORRECT": Text(
        "所指的事件是一次撤销，或是没有生效的更正，没有可更正的内容。",
        "The event named is a cancellation or a refused correction, so there is nothing to correct.",
    ),
    "REVOKED": Text("经平台两人复核后撤销。", "Revoked by two operators after a review."),
    "ALREADY_REVERSED": Text("原始事件此前已被冲回。", "The original event was reversed before."),
    "DUPLICATE": Text("同一事件已收到过，内容相同，不重复生效。", "Received before with the same content."),
    "CONFLICT": Text(
        "同一事件 id 已收到过，但内容不同；以先收到的为准。",
        "Received before with other content. The first one counts.",
    ),
}


def sentence_of(code: str | None, language: Language) -> str | None:
    """None without a code. The code itself if there is no sentence for it."""
    if code is None:
        return None
    return SENTENCES.get(code, Text(code, code)).pick(language)
