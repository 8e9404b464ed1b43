"""Refusals of a whole request. For single events of a batch see rejections.py."""

from collections.abc import Mapping
from typing import Any

from shared.errors import AppError, FieldError, MalformedBody, PayloadTooLarge, Unavailable, UnsupportedMediaType
from shared.language import Language


class EventRefused(AppError):
    """The one event of a request was rejected. The code is that of the rejection: an SDK looks at the status only."""

    status = 422
    title_zh = "事件未通过校验"
    title_en = "The event was not accepted"

    def __init__(self, code: str, field: str | None, message: str, *, extensions: Mapping[str, Any]) -> None:
        """`message` is in the language of the request."""
        self.code, self._message = code, message
        super().__init__(field_errors=[FieldError(field, code, message)] if field else (), extensions=extensions)

    def detail(self, language: Language) -> str:  # noqa: ARG002 - the message has its language already
        return self._message


class BinaryModeNotSupported(UnsupportedMediaType):
    code = "BINARY_MODE_NOT_SUPPORTED"
    title_zh = "不支持二进制模式的 CloudEvents"
    title_en = "CloudEvents in binary mode are not accepted"
    detail_zh = (
        "签名不含请求头，因此 ce-* 请求头里的属性无法验证。请改用结构化模式（{one}）或批量模式（{batch}）："
        "Python to_structured、JavaScript Mode.STRUCTURED、Go WithEncodingStructured、Java writeStructured、"
        "C# ContentMode.Structured。"
    )
    detail_en = (
        "The signature covers no headers, so attributes in ce-* headers cannot be verified. Use structured mode ({one})"
        " or batch mode ({batch}): Python to_structured, JavaScript Mode.STRUCTURED, Go WithEncodingStructured,"
        " Java writeStructured, C# ContentMode.Structured."
    )


class BatchExpected(MalformedBody):
    code = "BATCH_EXPECTED"
    title_zh = "批量类型的请求体须为 JSON 数组"
    title_en = "A batch is a JSON array"
    detail_zh = "Content-Type 为 {batch} 时，请求体须为事件数组；单条事件请用 {one}。"
    detail_en = "With Content-Type {batch} the body is an array of events. Send one event as {one}."


class SingleEventExpected(MalformedBody):
    code = "SINGLE_EVENT_EXPECTED"
    title_zh = "单条类型的请求体须为一个 JSON 对象"
    title_en = "A single event is a JSON object"
    detail_zh = "Content-Type 为 {one} 时，请求体须为一个事件对象；多条事件请用 {batch}。"
    detail_en = "With Content-Type {one} the body is one event. Send several as {batch}."


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
