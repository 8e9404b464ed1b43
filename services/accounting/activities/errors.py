"""What the activities capability refuses."""

from shared.errors import Conflict, NotFound, TooManyRequests


class ActivityNotFound(NotFound):
    code = "ACTIVITY_NOT_FOUND"
    title_zh = "没有这条减碳记录"
    title_en = "No such activity"


class ActivityReversedAlready(Conflict):
    code = "ALREADY_REVERSED"
    title_zh = "这条减碳记录已经撤销过"
    title_en = "This activity has been reversed already"


class ActivityNotCredited(Conflict):
    code = "ACTIVITY_NOT_CREDITED"
    title_zh = "这条减碳记录没有累计，不能撤销"
    title_en = "Only a credited activity can be reversed"
    detail_zh = "当前状态：{status}。"
    detail_en = "Its state is {status}."


class SceneNotClaimable(Conflict):
    code = "SCENE_NOT_CLAIMABLE"
    title_zh = "这个场景不能自行申报"
    title_en = "This scene cannot be declared by oneself"
    detail_zh = "可以申报的场景：{scenes}。其他场景由合作方上报。"
    detail_en = "Scenes that can be declared: {scenes}. Partners report the others."


class TooManyClaims(TooManyRequests):
    code = "TOO_MANY_CLAIMS"
    title_zh = "今天申报的次数过多"
    title_en = "Too many declarations today"
    detail_zh = "每天最多申报 {limit} 次。"
    detail_en = "At most {limit} declarations a day."
