"""Headers of requests and answers in OpenAPI, as components that the operations refer to."""

from typing import Any, Final

PARAMETERS: Final[dict[str, Any]] = {
    "AcceptLanguage": {
        "name": "Accept-Language",
        "in": "header",
        "required": False,
        "description": "文字的语言：zh（缺省）或 en The language of texts: zh (default) or en",
        "schema": {"type": "string", "maxLength": 1000},
        "example": "zh-CN",
    },
    "RequestId": {
        "name": "X-Request-Id",
        "in": "header",
        "required": False,
        "description": "请求标识，原样返回；不合格式则另取 Comes back; another is made if it does not fit",
        "schema": {"type": "string", "maxLength": 128},
        "example": "5f0c1f0e-8f1c-4b52-9c1e-2f7c",
    },
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": (
            "同一请求重复发送只生效一次，回答相同；保留 7 天 A repeat with the same key takes effect once and gets the"
            " same answer, for 7 days"
        ),
        "schema": {"type": "string", "minLength": 8, "maxLength": 128, "pattern": "^[\\x21-\\x7e]{8,128}$"},
        "example": "order-5f0c1f0e8f1c4b52",
    },
}
COMMON: Final = frozenset(one["name"] for one in PARAMETERS.values())
PARAMETERS["OptionalIdempotencyKey"] = {**PARAMETERS["IdempotencyKey"], "required": False}
HEADERS: Final[dict[str, Any]] = {
    "X-Request-Id": {
        "description": "请求标识 The id of the request, in logs and problem documents",
        "schema": {"type": "string"},
        "example": "019aadf0-6b00-7000-8000-000000000001",
    },
    "Retry-After": {
        "description": "多少秒后再试 Seconds to wait before the next try",
        "schema": {"type": "integer", "minimum": 0},
        "example": 1,
    },
    "Idempotent-Replayed": {
        "description": "true：与此前的回答相同 A repeat of an earlier answer",
        "schema": {"type": "string", "enum": ["true"]},
        "example": "true",
    },
    "RateLimit-Policy": {
        "description": "各项限额：q 为数量，w 为秒 The limits: q in w seconds",
        "schema": {"type": "string"},
        "example": '"requests";q=50;w=1',
    },
    "RateLimit": {
        "description": "各项剩余：r 为数量，t 秒后重置 What is left: r, reset in t seconds",
        "schema": {"type": "string"},
        "example": '"requests";r=49;t=1',
    },
}
_NAMES: Final = {name: name.replace("-", "") for name in HEADERS}
HEADER_REFS: Final = {name: {"$ref": f"#/components/headers/{_NAMES[name]}"} for name in HEADERS}
RATE_LIMITS: Final = {name: HEADER_REFS[name] for name in ("RateLimit-Policy", "RateLimit")}


def parameter(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}


def header_components() -> dict[str, Any]:
    return {_NAMES[name]: header for name, header in HEADERS.items()}
