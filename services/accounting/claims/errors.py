"""Refusals of claims."""

from shared.errors import Conflict, TooManyRequests


class SceneNotClaimable(Conflict):
    code = "SCENE_NOT_CLAIMABLE"
    title_zh = "这个场景不能自行申报"
    title_en = "This scene cannot be declared"
    detail_zh = "可以申报的场景：{scenes}。其他场景由合作方上报。"
    detail_en = "You can declare these scenes: {scenes}. Partners report the others."


class TooManyClaims(TooManyRequests):
    code = "TOO_MANY_CLAIMS"
    title_zh = "今天申报的次数过多"
    title_en = "Too many declarations today"
    detail_zh = "每天最多申报 {limit} 次。"
    detail_en = "At most {limit} declarations a day."
