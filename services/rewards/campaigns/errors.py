"""Errors of campaigns."""

from shared.errors import Conflict, InvalidRequest, NotFound


class CampaignNotFound(NotFound):
    code = "CAMPAIGN_NOT_FOUND"
    title_zh = "没有这项活动"
    title_en = "No such campaign"


class DonationNotFound(NotFound):
    code = "DONATION_NOT_FOUND"
    title_zh = "没有这笔捐赠"
    title_en = "No such donation"


class CampaignClosed(Conflict):
    code = "CAMPAIGN_CLOSED"
    title_zh = "不在捐赠时间内"
    title_en = "The campaign is not open now"


class AmountOutOfRange(InvalidRequest):
    code = "AMOUNT_OUT_OF_RANGE"
    title_zh = "捐赠数量超出范围"
    title_en = "The amount is out of range"
    detail_zh = "每笔 {least} 至 {most}。"
    detail_en = "Between {least} and {most} at a time."
