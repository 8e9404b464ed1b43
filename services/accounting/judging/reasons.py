"""Reasons of judgements: stable codes, and one short sentence for the citizen in each language.

Methodology documents have their own sentences for their caps. `explaining` adds measured values to some of these.
"""

from typing import Final

from shared.language import Text

IMPLAUSIBLE_TIME: Final = "IMPLAUSIBLE_TIME"
IMPLAUSIBLE_DURATION: Final = "IMPLAUSIBLE_DURATION"
IMPLAUSIBLE_DISTANCE: Final = "IMPLAUSIBLE_DISTANCE"
IMPLAUSIBLE_SPEED: Final = "IMPLAUSIBLE_SPEED"
IMPLAUSIBLE_AMOUNT: Final = "IMPLAUSIBLE_AMOUNT"
IMPLAUSIBLE_RATE: Final = "IMPLAUSIBLE_RATE"
IMPLAUSIBLE_RATIO: Final = "IMPLAUSIBLE_RATIO"
NOBODY_CARRIED: Final = "NOBODY_CARRIED"
NOT_YET_HAPPENED: Final = "NOT_YET_HAPPENED"
TOO_LATE: Final = "TOO_LATE"
NO_BINDING: Final = "NO_BINDING"
BEFORE_BINDING: Final = "BEFORE_BINDING"
AFTER_BINDING: Final = "AFTER_BINDING"
CONSENT_WITHDRAWN: Final = "CONSENT_WITHDRAWN"
DUPLICATE_ACT: Final = "DUPLICATE_ACT"
COUNTED_ELSEWHERE: Final = "COUNTED_ELSEWHERE"
VEHICLE_COUNTED: Final = "VEHICLE_COUNTED"
METER_COUNTED: Final = "METER_COUNTED"
METHODOLOGY_REFUSED: Final = "METHODOLOGY_REFUSED"  # the act waits until the document is the approved one again
NO_METHODOLOGY: Final = "NO_METHODOLOGY"
HOUSEHOLD_REQUIRED: Final = "HOUSEHOLD_REQUIRED"
METER_NOT_OF_HOUSEHOLD: Final = "METER_NOT_OF_HOUSEHOLD"
METER_UNKNOWN: Final = "METER_UNKNOWN"
EVIDENCE_NOT_ACCEPTED: Final = "EVIDENCE_NOT_ACCEPTED"
MISSING_INPUT: Final = "MISSING_INPUT"
NOT_COMPUTABLE: Final = "NOT_COMPUTABLE"
DAILY_CAP: Final = "DAILY_CAP"
MONTHLY_CAP: Final = "MONTHLY_CAP"
YEARLY_CAP: Final = "YEARLY_CAP"
BELOW_MINIMUM: Final = "BELOW_MINIMUM"
CANCELLED: Final = "CANCELLED"
CORRECTED: Final = "CORRECTED"
REVOKED: Final = "REVOKED"
ORIGINAL_UNKNOWN: Final = "ORIGINAL_UNKNOWN"
ALREADY_REVERSED: Final = "ALREADY_REVERSED"
CORRECTION_TOO_LATE: Final = "CORRECTION_TOO_LATE"
NOTHING_TO_CORRECT: Final = "NOTHING_TO_CORRECT"
CREDITED: Final = "CREDITED"
PARTLY_CAPPED: Final = "PARTLY_CAPPED"  # credited, but less than the act was worth

CAP_REASONS: Final = (DAILY_CAP, MONTHLY_CAP, YEARLY_CAP)
# Another act, perhaps of another person, has used the number, vehicle or meter.
CLAIM_REASONS: Final = (COUNTED_ELSEWHERE, VEHICLE_COUNTED, METER_COUNTED)
REASONS: Final[dict[str, Text]] = {
    IMPLAUSIBLE_TIME: Text(
        "这条记录的起止时间对不上，没有累计。", "The start and end times of this record do not match."
    ),
    IMPLAUSIBLE_DURATION: Text(
        "这条记录的用时超出合理范围，没有累计。", "The duration of this record is not plausible, so it does not count."
    ),
    IMPLAUSIBLE_DISTANCE: Text(
        "这条记录的里程超出合理范围，没有累计。", "The distance of this record is not plausible, so it does not count."
    ),
    IMPLAUSIBLE_SPEED: Text(
        "这条记录的平均速度超出合理范围，没有累计。",
        "The average speed of this record is not plausible, so it does not count.",
    ),
    IMPLAUSIBLE_AMOUNT: Text(
        "这条记录的数量超出合理范围，没有累计。", "The quantity of this record is not plausible, so it does not count."
    ),
    IMPLAUSIBLE_RATE: Text(
        "这条记录每小时的数量超出合理范围，没有累计。",
        "The quantity per hour of this record is outside what is plausible.",
    ),
    IMPLAUSIBLE_RATIO: Text(
        "这条记录的几项数量彼此对不上，没有累计。", "The quantities of this record do not fit each other."
    ),
    NOBODY_CARRIED: Text(
        "按合作方的记录，这一程车上没有乘客，没有累计。",
        "The partner reported that this trip carried no passenger, so it does not count.",
    ),
    NOT_YET_HAPPENED: Text(
        "这条记录的时间在收到之后，没有累计。", "This record is dated later than its receipt, so it does not count."
    ),
    TOO_LATE: Text("合作方上报太晚，已过补录期限，没有累计。", "The partner reported this too late to count."),
    NO_BINDING: Text(
        "还没有绑定这个合作方的账号；绑定后会自动重新核算。",
        "You have no binding to this partner yet. The record is judged again after you bind.",
    ),
    BEFORE_BINDING: Text(
        "发生在绑定生效之前，没有累计。", "It happened before your binding to this partner took effect."
    ),
    AFTER_BINDING: Text("发生在解除绑定之后，没有累计。", "It happened after your binding to this partner ended."),
    CONSENT_WITHDRAWN: Text("您已撤回授权，没有累计。", "You have withdrawn your consent, so it does not count."),
    DUPLICATE_ACT: Text("这次行为已经累计过一次，不重复累计。", "This act has already been counted once."),
    COUNTED_ELSEWHERE: Text(
        "合作方的这个单号已经为另一个账户累计过，不重复累计。",
        "The partner's number of this act has already been counted for another account.",
    ),
    VEHICLE_COUNTED: Text(
        "这辆车在这段时间的行程已经累计过；多人同乘时，须由合作方报明车上人数。",
        "A trip of this vehicle at this time has already been counted. For a shared ride, the partner must report the"
        " number of people in the vehicle.",
    ),
    METER_COUNTED: Text(
        "这块电表在这段时间的用电已经累计过，不重复累计。",
        "A period of this meter that overlaps with this one has already been counted.",
    ),
    METHODOLOGY_REFUSED: Text(
        "适用的方法学正在核对，核对后会继续核算。",
        "The methodology of this act is being checked. The act waits until then.",
    ),
    NO_METHODOLOGY: Text(
        "这类行为在当地、当时还没有可用的方法学，没有累计。",
        "No methodology covered this kind of act at that place and time.",
    ),
    HOUSEHOLD_REQUIRED: Text(
        "这一项按家庭累计：开始时您还没有加入家庭账户，没有累计。",
        "This counts for households. You belonged to none when it began.",
    ),
    METER_NOT_OF_HOUSEHOLD: Text(
        "这块电表当时没有登记在您的家庭名下，没有累计。", "Your household had not registered this meter at that time."
    ),
    METER_UNKNOWN: Text("合作方没有说明是哪块电表，没有累计。", "The partner did not name the meter."),
    EVIDENCE_NOT_ACCEPTED: Text(
        "这个方法学不接受这种证明方式，没有累计。", "The methodology does not accept this kind of evidence."
    ),
    MISSING_INPUT: Text(
        "合作方没有提供核算所需的数据，没有累计。", "The partner did not report a value that the calculation needs."
    ),
    NOT_COMPUTABLE: Text("用这条记录的数据无法算出减排量，没有累计。", "No result can be computed from this record."),
    DAILY_CAP: Text("今天这一项已达上限，这一次不再累计。", "Today's limit is reached, so this one does not count."),
    MONTHLY_CAP: Text(
        "本月这一项已达上限，这一次不再累计。", "This month's limit is reached, so this one does not count."
    ),
    YEARLY_CAP: Text(
        "今年这一项已达上限，这一次不再累计。", "This year's limit is reached, so this one does not count."
    ),
    CANCELLED: Text(
        "合作方撤销了这条记录，已累计的减碳量已退回。", "The partner cancelled this record. Its grams were taken back."
    ),
    CORRECTED: Text(
        "合作方更正了这条记录，已按更正后的数据重新核算。",
        "The partner corrected this record. The corrected record is judged instead.",
    ),
    REVOKED: Text(
        "平台复核后撤销了这条记录，已累计的减碳量已退回。",
        "This record was revoked after a review. Its grams were taken back.",
    ),
    ORIGINAL_UNKNOWN: Text("一直没有收到要更正的原始记录。", "The record to be corrected did not arrive in time."),
    CORRECTION_TOO_LATE: Text(
        "合作方更正得太晚，已过更正期限，原记录不变。",
        "The partner corrected this too late. The original record stands.",
    ),
    NOTHING_TO_CORRECT: Text(
        "要更正的是一次撤销，或是没有生效的更正，没有可更正的内容。",
        "The record to be corrected is a cancellation or a refused correction, so there is nothing to correct.",
    ),
    ALREADY_REVERSED: Text("原始记录已经撤销或更正过。", "The original record was cancelled or corrected before."),
    BELOW_MINIMUM: Text("减排量不足 1 毫克，没有累计。", "The reduction is below one milligram."),
    CREDITED: Text("已累计。", "Credited."),
    PARTLY_CAPPED: Text("已接近上限，只累计了剩余额度。", "Close to the limit: only the rest up to the limit counts."),
}
