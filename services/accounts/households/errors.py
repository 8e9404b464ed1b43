from shared.errors import Conflict, NotFound


class HouseholdNotFound(NotFound):
    """Also for a household of other people, so that nobody learns which households exist."""

    code = "HOUSEHOLD_NOT_FOUND"
    title_zh = "没有这个家庭账户"
    title_en = "No such household"
    detail_zh = "家庭账户不存在，或您不是其成员。"
    detail_en = "There is no such household, or you are not a member of it."


class AlreadyInHousehold(Conflict):
    code = "ALREADY_IN_HOUSEHOLD"
    title_zh = "已加入另一个家庭账户"
    title_en = "You belong to another household"
    detail_zh = "一人只能属于一个家庭，请先退出现在的家庭。"
    detail_en = "A person belongs to one household at most. Leave the present one first."


class HouseholdMoveTooSoon(Conflict):
    """Extension `earliest` (RFC 3339)."""

    code = "HOUSEHOLD_MOVE_TOO_SOON"
    title_zh = "退出家庭后需等待一段时间"
    title_en = "Too soon after leaving a household"
    detail_zh = "{days} 天内不能加入或创建另一个家庭；{earliest} 之后可以。"
    detail_en = "You can join or open another household {days} days after leaving one, from {earliest} on."


class HouseholdFull(Conflict):
    code = "HOUSEHOLD_FULL"
    title_zh = "家庭成员已满"
    title_en = "The household is full"
    detail_zh = "一个家庭最多 {limit} 人。"
    detail_en = "At most {limit} members."


class InvitationInvalid(NotFound):
    """One answer for unknown, expired, used and withdrawn, so that guessing reveals nothing."""

    code = "INVITATION_INVALID"
    title_zh = "邀请码无效"
    title_en = "The invitation is not valid"
    detail_zh = "邀请码不存在、已过期（15 分钟）或已使用，请家人重新邀请。"
    detail_en = "The code is unknown, expired (15 minutes) or used; ask for a new one."


class MeterTaken(Conflict):
    code = "METER_TAKEN"
    title_zh = "该电表已由另一个家庭登记"
    title_en = "The meter is registered by another household"
    detail_zh = "一块电表只属于一个家庭；如有疑问请联系客服。"
    detail_en = "A meter belongs to one household. Contact support if it is yours."
