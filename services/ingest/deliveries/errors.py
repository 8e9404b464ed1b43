"""Refusals about webhooks and deliveries."""

from shared.errors import Conflict, InvalidRequest, NotFound


class EndpointNotFound(NotFound):
    code = "WEBHOOK_NOT_FOUND"
    title_zh = "尚未登记回执接收地址"
    title_en = "No webhook address is registered"
    detail_zh = "请先用 PUT /api/v1/ingest/webhook 登记。"
    detail_en = "Register one with PUT /api/v1/ingest/webhook."


class DeliveryNotFound(NotFound):
    code = "DELIVERY_NOT_FOUND"
    title_zh = "没有找到该推送"
    title_en = "No such delivery"


class EndpointDisabled(Conflict):
    code = "WEBHOOK_DISABLED"
    title_zh = "回执接收地址已停用"
    title_en = "The webhook address is disabled"
    detail_zh = "原因：{reason}。重新登记地址即可恢复。"
    detail_en = "Reason: {reason}. Register the address again to resume."


class RotationUnderWay(Conflict):
    code = "ROTATION_UNDER_WAY"
    title_zh = "上一次轮换的重叠期未结束"
    title_en = "The overlap of the last rotation has not ended"
    detail_zh = "旧密钥签名至 {until}，之后可再次轮换；密钥泄露时以 overlap_s 为 0 立即作废全部旧密钥。"
    detail_en = "The old secret signs until {until}. Rotate after that, or with overlap_s 0 to end all old secrets now."


class AddressRefused(InvalidRequest):
    code = "WEBHOOK_ADDRESS_REFUSED"
    title_zh = "不接受该回执接收地址"
    title_en = "This webhook address is refused"
    detail_zh = "须为公网 https 地址，不含用户名、密码和片段；{why}。"
    detail_en = "It must be a public https address without credentials or fragment; {why}."


class ReplayTooLarge(Conflict):
    code = "REPLAY_TOO_LARGE"
    title_zh = "重发范围过大"
    title_en = "The range to replay is too large"
    detail_zh = "一次最多重发 {limit} 条推送，请缩小时间范围。"
    detail_en = "At most {limit} deliveries at once; choose a shorter range."
