"""Refusals of a whole request. For single events see rejections.py."""

from shared.errors import MalformedBody, PayloadTooLarge, Unavailable


class BatchTooLarge(PayloadTooLarge):
    code = "BATCH_TOO_LARGE"
    title_zh = "单批事件过多"
    title_en = "Too many events in one batch"
    detail_zh = "每批最多 {limit} 条，本批 {count} 条。"
    detail_en = "At most {limit} events in a batch; this one has {count}."


class BrokenCompression(MalformedBody):
    code = "BROKEN_COMPRESSION"
    title_zh = "压缩的请求体不完整或已损坏"
    title_en = "The compressed body is incomplete or damaged"


class LogUnavailable(Unavailable):
    code = "LOG_UNAVAILABLE"
    title_zh = "暂时无法接收"
    title_en = "Events cannot be accepted at the moment"
    detail_zh = "事件是否写入尚不确定；请用相同的事件 id 重试，不会重复生效。"
    detail_en = (
        "It is not certain whether the events were written. Send them again with the same ids: nothing counts twice."
    )
