"""Envoy's own error answers, as problem documents in the shape of the services' (shared/problems.py)."""

from dataclasses import dataclass
from typing import Any

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:carbon-inclusion:problem:"
# Envoy's response details begin with this when it could not get usable keys. That is not the caller's fault.
KEYS_MISSING = "jwt_authn_access_denied{Jwks"
# Except this one: there are keys, and none fits the token's key id or algorithm.
KEY_UNKNOWN = "_key_to_match_"


@dataclass(frozen=True)
class Reply:
    """An error answer: the range of Envoy's statuses it replaces (inclusive), its own status and its texts.

    `details`: only for this one of Envoy's response details.
    """

    first: int
    last: int
    code: str
    zh: tuple[str, str]
    en: tuple[str, str]
    status: int | None = None
    retry_after_s: int | None = None
    details: str | None = None


UPSTREAM_UNAVAILABLE = Reply(
    502,
    503,
    "UPSTREAM_UNAVAILABLE",
    ("服务暂时不可用", "这次没有得到结果。请稍等片刻再试一次，同一笔不会重复扣除。"),
    (
        "The service is unavailable for a moment",
        "There is no result yet. Please try again in a moment. Nothing is counted twice.",
    ),
    status=503,
    retry_after_s=1,
)
# Envoy takes the first match. The last one matches every other error.
REPLIES = (
    Reply(
        401,
        401,
        "UNAUTHENTICATED",
        ("请先登录", "您还没有登录，或登录已经过期。请重新登录后再试。"),
        (
            "Please log in",
            "You are not logged in, or your log-in has expired. Please log in again and repeat what you did.",
        ),
    ),
    Reply(
        403,
        403,
        "UPGRADE_UNSUPPORTED",
        ("不支持协议升级", "本平台没有 WebSocket 接口，没有受理。请去掉 Upgrade 请求头。"),
        (
            "Upgrades are not supported",
            "The platform has no WebSockets, and nothing was done. Leave out the Upgrade header.",
        ),
        status=400,
        details="upgrade_failed",
    ),
    # Envoy answers 403 to a token for another audience. The client handles it like any other invalid token.
    Reply(
        403,
        403,
        "UNAUTHENTICATED",
        ("请先登录", "您还没有登录，或登录已经过期。请重新登录后再试。"),
        (
            "Please log in",
            "You are not logged in, or your log-in has expired. Please log in again and repeat what you did.",
        ),
        status=401,
    ),
    Reply(
        404,
        404,
        "NOT_FOUND",
        ("没有找到", "您要看的内容不存在，或者不属于您。请返回上一页再试。"),
        ("Not found", "What you are looking for does not exist or is not yours. Please go back and try again."),
    ),
    Reply(
        408,
        408,
        "REQUEST_TIMEOUT",
        ("内容没有及时传完", "网络可能不稳，这次没有办理。请检查网络后再试。"),
        (
            "The request took too long to arrive",
            "The network may be unstable, and nothing was done. Check it and try again.",
        ),
        retry_after_s=1,
    ),
    Reply(
        413,
        413,
        "PAYLOAD_TOO_LARGE",
        ("提交的内容太大", "内容超过了允许的大小，这次没有提交成功。请缩短内容后再试。"),
        (
            "What was sent is too large",
            "The content is larger than allowed, so nothing was submitted. Please make it shorter and try again.",
        ),
    ),
    Reply(
        429,
        429,
        "TOO_MANY_REQUESTS",
        ("操作太频繁", "短时间内操作次数过多，这次没有办理。请过一会儿再试。"),
        (
            "Too many requests",
            (
                "There were too many requests in a short time, and this one was not handled. Please wait a little and"
                " try again."
            ),
        ),
        retry_after_s=1,
    ),
    Reply(
        426,
        426,
        "HTTP_VERSION_UNSUPPORTED",
        ("不支持的 HTTP 版本", "没有受理。请使用 HTTP/1.1 或 HTTP/2。"),
        ("Unsupported version of HTTP", "Nothing was done. Use HTTP/1.1 or HTTP/2."),
    ),
    Reply(
        431,
        431,
        "HEADERS_TOO_LARGE",
        ("请求头过大", "请求头上限为 32 KiB、64 项，没有受理。请减少请求头。"),
        ("The headers are too large", "Nothing was done. The limits are 32 KiB and 64 headers."),
    ),
    Reply(
        400,
        499,
        "MALFORMED_REQUEST",
        ("请求格式不正确", "没有受理。请检查地址、请求头和请求体。"),
        ("Malformed request", "Nothing was done. Check the address, the headers and the body."),
    ),
    # Envoy answers 501. The request is wrong, the gateway is not: a 5xx would be reported as our failure.
    Reply(
        501,
        501,
        "TRANSFER_ENCODING_UNSUPPORTED",
        ("不支持的 Transfer-Encoding", "没有受理。请使用 chunked，或给出 Content-Length；压缩请用 Content-Encoding。"),
        (
            "Unsupported Transfer-Encoding",
            "Nothing was done. Use chunked or a Content-Length; compress with Content-Encoding.",
        ),
        status=400,
    ),
    UPSTREAM_UNAVAILABLE,
    Reply(
        504,
        504,
        "UPSTREAM_TIMEOUT",
        ("服务没有及时应答", "这次还不知道结果。请稍等片刻再试一次，同一笔不会重复扣除。"),
        (
            "There was no answer in time",
            "The outcome is not known yet. Please try again in a moment. Nothing is counted twice.",
        ),
        retry_after_s=1,
    ),
    Reply(
        500,
        599,
        "INTERNAL_ERROR",
        ("系统出了点问题", "这次没有办成，是我们的原因。请过几分钟再试；仍不行，请联系客服并报上请求编号。"),
        (
            "Something went wrong on our side",
            (
                "This did not work, and it is our fault. Please try again in a few minutes. If it"
                " persists, give the request id to support."
            ),
        ),
    ),
)


def _compare(operator: str, status: int) -> dict[str, Any]:
    # Envoy requires a runtime key. Nobody sets this one, so the default applies.
    comparison = {"op": operator, "value": {"default_value": status, "runtime_key": "reply.status"}}
    return {"status_code_filter": {"comparison": comparison}}


def _expression(expression: str) -> dict[str, Any]:
    return {
        "extension_filter": {
            "name": "envoy.access_loggers.extension_filters.cel",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                "expression": expression,
            },
        }
    }


def _mapper(reply: Reply, conditions: list[dict[str, Any]], *, english: bool, status: int | None) -> dict[str, Any]:
    title, detail = reply.en if english else reply.zh
    headers = [("x-request-id", "%REQ(X-REQUEST-ID):64%"), ("cache-control", "no-store")]
    if reply.retry_after_s is not None:
        headers.append(("retry-after", str(reply.retry_after_s)))
    mapper: dict[str, Any] = {
        "filter": {"and_filter": {"filters": conditions}},
        "headers_to_add": [
            {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in headers
        ],
        "body_format_override": {
            "content_type": MEDIA_TYPE,
            "json_format": {
                "type": TYPE_PREFIX + reply.code.lower().replace("_", "-"),
                "title": title,
                "status": status if status is not None else "%RESPONSE_CODE%",
                "detail": detail,
                "instance": "%PATH(NQ)%",
                "code": reply.code,
                "retryable": reply.retry_after_s is not None,
                "request_id": "%REQ(X-REQUEST-ID):64%",
                "errors": [],
            },
        },
    }
    if status is not None:
        mapper["status_code"] = status
    return mapper


def reply_mappers() -> list[dict[str, Any]]:
    """Return Envoy's `local_reply_config.mappers`: Chinese, or English if Accept-Language begins with it."""
    english = {"header_filter": {"header": {"name": "accept-language", "string_match": _ENGLISH}}}
    everyone: dict[str, Any] = {"not_health_check_filter": {}}  # and_filter needs two conditions or more
    keys_missing = _expression(
        f"response.code_details.startsWith('{KEYS_MISSING}') && !response.code_details.contains('{KEY_UNKNOWN}')"
    )
    found = []
    for language in (english, everyone):
        options = {"english": language is english}
        found.append(
            _mapper(UPSTREAM_UNAVAILABLE, [_compare("EQ", 401), keys_missing, language], status=503, **options)
        )
        for reply in REPLIES:
            conditions = [_compare("GE", reply.first), _compare("LE", reply.last), language]
            if reply.details is not None:
                conditions.append(_expression(f"response.code_details.startsWith('{reply.details}')"))
            found.append(_mapper(reply, conditions, status=reply.status, **options))
    return found


_ENGLISH = {"safe_regex": {"regex": "\\s*[eE][nN].*"}}
