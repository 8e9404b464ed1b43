"""Sentences of verdicts, for the citizen: one per reason code of `judging.reasons`.

Methodology documents have their own sentences for their caps. `explanations` adds measured values to some of these.
"""

from collections.abc import Mapping
from typing import Final

from shared.language import Text

VERDICTS: Final[Mapping[str, Text]] = {
    "IMPLAUSIBLE_TIME": Text(
        "这条记录的起止时间对不上，没有累计。如有疑问，可以申诉。",
        "The start and end of this record do not fit together, so it does not count. You can appeal.",
    ),
    "IMPLAUSIBLE_DURATION": Text(
        "这条记录的用时不合常理，没有累计。如有疑问，可以申诉。",
        "The duration of this record is not plausible, so it does not count. You can appeal.",
    ),
    "IMPLAUSIBLE_DISTANCE": Text(
        "这条记录的里程不合常理，没有累计。如有疑问，可以申诉。",
        "The distance of this record is not plausible, so it does not count. You can appeal.",
    ),
    "IMPLAUSIBLE_SPEED": Text(
        "这条记录的平均速度不合常理，没有累计。如有疑问，可以申诉。",
        "The average speed of this record is not plausible, so it does not count. You can appeal.",
    ),
    "IMPLAUSIBLE_AMOUNT": Text(
        "这条记录的数量不合常理，没有累计。如有疑问，可以申诉。",
        "The quantity of this record is not plausible, so it does not count. You can appeal.",
    ),
    "IMPLAUSIBLE_RATE": Text(
        "这条记录每小时的数量不合常理，没有累计。如有疑问，可以申诉。",
        "The quantity per hour of this record is not plausible, so it does not count. You can appeal.",
    ),
    "IMPLAUSIBLE_RATIO": Text(
        "这条记录的几个数量彼此对不上，没有累计。如有疑问，可以申诉。",
        "The quantities of this record do not fit each other, so it does not count. You can appeal.",
    ),
    "NOBODY_CARRIED": Text(
        "按合作方的记录，这一程车上没有乘客，没有累计。",
        "The partner reported that this trip carried no passenger, so it does not count.",
    ),
    "NOT_YET_HAPPENED": Text(
        "这条记录上的时间还没有到，没有累计。",
        "This record is dated later than its receipt, so it does not count.",
    ),
    "TOO_LATE": Text(
        "合作方上报得太晚，过了补录期限，没有累计。",
        "The partner reported this too late, so it does not count.",
    ),
    "NO_BINDING": Text(
        "您还没有绑定这个合作方的账号，暂时没有累计。绑定以后会自动重新核算。",
        "You have no binding to this partner yet, so it does not count. It is judged again after you bind.",
    ),
    "BEFORE_BINDING": Text(
        "这次行为在您绑定合作方之前，没有累计。绑定以后的会自动累计。",
        "It happened before your binding took effect, so it does not count. Later acts do.",
    ),
    "AFTER_BINDING": Text(
        "这次行为在您解除绑定之后，没有累计。想继续累计，请重新绑定。",
        "It happened after your binding ended, so it does not count. Bind again to earn further grams.",
    ),
    "CONSENT_WITHDRAWN": Text(
        "您已撤回同意，没有累计。想继续累计，请重新同意。",
        "You have withdrawn your consent, so it does not count. Consent again to earn further grams.",
    ),
    "DUPLICATE_ACT": Text(
        "这次行为已经累计过一次，不重复累计。",
        "This act has been counted once and does not count again.",
    ),
    "COUNTED_ELSEWHERE": Text(
        "合作方的这个单号已为另一个账户累计过，不重复累计。确是您本人的，可以申诉。",
        "The partner's number of this act was counted for another account. If it was yours, you can appeal.",
    ),
    "VEHICLE_COUNTED": Text(
        "这辆车在这段时间的行程已经累计过，不重复累计。多人同乘时，须由合作方报明人数。",
        "A trip of this vehicle at this time was counted. For a shared ride, the partner must report how many rode.",
    ),
    "METER_COUNTED": Text(
        "这块电表在这段时间的用电已经累计过，不重复累计。",
        "A period of this meter that overlaps with this one was counted, so it does not count again.",
    ),
    "METHODOLOGY_REFUSED": Text(
        "适用的核算方法正在核对，暂时没有累计。核对以后会自动接着核算。",
        "The methodology of this act is being checked. The act waits and is judged after that.",
    ),
    "NO_METHODOLOGY": Text(
        "这类行为当时在当地还没有核算办法，没有累计。",
        "No methodology covered this kind of act at that place and time, so it does not count.",
    ),
    "HOUSEHOLD_REQUIRED": Text(
        "这一项按家庭累计，当时您还没有加入家庭，没有累计。加入家庭以后的会自动累计。",
        "This counts for households, and you belonged to none when it began. Later acts count once you join one.",
    ),
    "METER_NOT_OF_HOUSEHOLD": Text(
        "这块电表当时没有登记在您的家庭名下，没有累计。请在“我的家庭”里登记电表。",
        "Your household had not registered this meter at that time, so it does not count. Register the meter.",
    ),
    "METER_UNKNOWN": Text(
        "合作方没有说明是哪块电表，没有累计。",
        "The partner did not name the meter, so it does not count.",
    ),
    "EVIDENCE_NOT_ACCEPTED": Text(
        "这类行为不能用这种方式证明，没有累计。",
        "The methodology does not accept this kind of evidence, so it does not count.",
    ),
    "MISSING_INPUT": Text(
        "合作方漏报了核算要用的数据，没有累计。",
        "The partner did not report a value that the calculation needs, so it does not count.",
    ),
    "NOT_COMPUTABLE": Text(
        "用这条记录的数据算不出减碳量，没有累计。",
        "No result can be computed from this record, so it does not count.",
    ),
    "DAILY_CAP": Text(
        "今天这一项已达上限，这一次不再累计。明天重新计算。",
        "Today's limit is reached, so this one does not count. Tomorrow begins anew.",
    ),
    "MONTHLY_CAP": Text(
        "本月这一项已达上限，这一次不再累计。下个月重新计算。",
        "This month's limit is reached, so this one does not count. Next month begins anew.",
    ),
    "YEARLY_CAP": Text(
        "今年这一项已达上限，这一次不再累计。明年重新计算。",
        "This year's limit is reached, so this one does not count. Next year begins anew.",
    ),
    "CANCELLED": Text(
        "合作方撤销了这条记录，它累计的减碳量已经扣回。",
        "The partner cancelled this record. Its grams were taken back.",
    ),
    "CORRECTED": Text(
        "合作方更正了这条记录，已按更正后的数据重新核算。",
        "The partner corrected this record. The corrected record is judged instead.",
    ),
    "REVOKED": Text(
        "平台复核后撤销了这条记录，它累计的减碳量已经扣回。如有疑问，可以申诉。",
        "This record was revoked after a review. Its grams were taken back. You can appeal.",
    ),
    "ORIGINAL_UNKNOWN": Text(
        "一直没有收到要更正的原始记录，没有累计。",
        "The record to be corrected did not arrive in time, so nothing counts.",
    ),
    "CORRECTION_TOO_LATE": Text(
        "合作方更正得太晚，过了更正期限，原来的记录不变。",
        "The partner corrected this too late. The original record stands.",
    ),
    "NOTHING_TO_CORRECT": Text(
        "要更正的是一次撤销，或是没有生效的更正，没有可更正的内容。",
        "The record to be corrected is a cancellation or a refused correction, so there is nothing to correct.",
    ),
    "ALREADY_REVERSED": Text(
        "原来的记录已经撤销或更正过，不再改动。",
        "The original record was cancelled or corrected before and does not change again.",
    ),
    "BELOW_MINIMUM": Text(
        "这一次的减碳量不到 1 毫克，没有累计。",
        "The reduction is below one milligram, so it does not count.",
    ),
    "CREDITED": Text("已经累计。", "Credited."),
    "PARTLY_CAPPED": Text(
        "已接近上限，只累计了剩下的额度。",
        "Close to the limit: only the rest up to the limit counts.",
    ),
}
