"""The errors that a service answers, as typed exceptions with code, status and bilingual text.

    AppError                      code, status, retryable, two languages
    ├── InvalidRequest      422   the body or a parameter is invalid (with field errors)
    │   └── MalformedBody   400   the body is not JSON
    │       └── DuplicateKey 400  a key occurs twice in one object
    ├── Unauthenticated     401   no credential, or an invalid one
    ├── Forbidden           403   the caller lacks a scope
    ├── NotFound            404   also for things of another person
    ├── Conflict            409   the present state does not allow it
    ├── PayloadTooLarge     413
    ├── TooManyRequests     429   retry later
    ├── IdempotencyKeyMissing 400 · IdempotencyKeyInProgress 409 · IdempotencyKeyReused 422
    ├── InternalError       500   a fault of ours; the cause is only logged
    └── Unavailable         503   retry the same request with the same ids

A service raises its own subclasses in the code of the rule. `shared.problems` renders them; no layer translates them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from shared.language import Language


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of one field. `field` is a dotted path; `code` is stable; `message` is for a developer."""

    field: str
    code: str
    message: str


class AppError(Exception):
    """Base of all errors that a service answers.

    `detail_*` are format strings; the keyword arguments of the constructor fill them. `extensions` become members of
    the problem document.
    """

    code: str = "INTERNAL_ERROR"  # of the class, except where one class stands for many codes
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    title_zh: ClassVar[str] = "服务器内部错误"
    title_en: ClassVar[str] = "Internal error"
    detail_zh: ClassVar[str] = ""
    detail_en: ClassVar[str] = ""

    def __init__(
        self,
        *,
        field_errors: Sequence[FieldError] = (),
        retry_after_s: int | None = None,
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
        **params: object,
    ) -> None:
        self.field_errors = tuple(field_errors)
        self.headers = dict(headers or {})
        if retry_after_s is not None:
            self.headers["Retry-After"] = str(retry_after_s)
        self.extensions = dict(extensions or {})
        self.params = params
        super().__init__(f"{self.code}: {self.detail('en')}")

    def title(self, language: Language) -> str:
        return self.title_zh if language == "zh" else self.title_en

    def detail(self, language: Language) -> str:
        text = self.detail_zh if language == "zh" else self.detail_en
        return text.format(**self.params) if text else self.title(language)


class InternalError(AppError):
    detail_zh = "请稍后重试；如持续出现，请把 request_id 告诉我们。"
    detail_en = "Please try again; if it persists, tell us the request_id."


class InvalidRequest(AppError):
    code = "INVALID_REQUEST"
    status = 422
    title_zh = "请求参数不符合要求"
    title_en = "The request is invalid"
    detail_zh = "请按 errors 中的说明修改后再试。"
    detail_en = "Correct the fields named in `errors` and send the request again."


class MalformedBody(AppError):
    code = "MALFORMED_BODY"
    status = 400
    title_zh = "请求体不是有效的 JSON"
    title_en = "The body is not valid JSON"


class DuplicateKey(MalformedBody):
    code = "DUPLICATE_KEY"
    title_zh = "请求体中同一字段出现了两次"
    title_en = "A key occurs twice in the body"
    detail_zh = "字段 {key} 出现了两次，请只保留一个。"
    detail_en = "The key {key} occurs twice in one object. Keep one of them."


class UnsupportedMediaType(AppError):
    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415
    title_zh = "不支持的内容类型"
    title_en = "Unsupported content type"
    detail_zh = "请使用：{allowed}"
    detail_en = "Use: {allowed}"


class Unauthenticated(AppError):
    code = "UNAUTHENTICATED"
    status = 401
    title_zh = "请先登录"
    title_en = "Please log in"
    detail_zh = "登录凭证缺失、无效或已过期。"
    detail_en = "The credential is missing, invalid or expired."


class Forbidden(AppError):
    code = "FORBIDDEN"
    status = 403
    title_zh = "没有权限"
    title_en = "Not allowed"
    detail_zh = "需要权限：{scope}"
    detail_en = "Required scope: {scope}"


class NotFound(AppError):
    code = "NOT_FOUND"
    status = 404
    title_zh = "没有找到"
    title_en = "Not found"


class MethodNotAllowed(AppError):
    code = "METHOD_NOT_ALLOWED"
    status = 405
    title_zh = "不支持的请求方法"
    title_en = "Method not allowed"


class Conflict(AppError):
    code = "CONFLICT"
    status = 409
    title_zh = "与当前状态冲突"
    title_en = "In conflict with the current state"


class PayloadTooLarge(AppError):
    code = "PAYLOAD_TOO_LARGE"
    status = 413
    title_zh = "请求体过大"
    title_en = "The body is too large"
    detail_zh = "最多 {limit_bytes} 字节。"
    detail_en = "At most {limit_bytes} bytes."


class TooManyRequests(AppError):
    code = "TOO_MANY_REQUESTS"
    status = 429
    retryable = True
    title_zh = "请求过于频繁"
    title_en = "Too many requests"


class Unavailable(AppError):
    code = "UNAVAILABLE"
    status = 503
    retryable = True
    title_zh = "服务暂时不可用"
    title_en = "Temporarily unavailable"
    detail_zh = "请稍后用相同的标识重试，不会重复生效。"
    detail_en = "Try again with the same ids; nothing will take effect twice."


class IdempotencyKeyMissing(AppError):
    code = "IDEMPOTENCY_KEY_MISSING"
    status = 400
    title_zh = "缺少 Idempotency-Key"
    title_en = "Idempotency-Key is missing"
    detail_zh = "请在请求头带上 8–128 个可见字符的 Idempotency-Key。"
    detail_en = "Send an Idempotency-Key header of 8 to 128 visible characters."


class IdempotencyKeyInProgress(AppError):
    code = "IDEMPOTENCY_KEY_IN_PROGRESS"
    status = 409
    retryable = True
    title_zh = "相同的请求正在处理"
    title_en = "The same request is being handled"


class IdempotencyKeyReused(AppError):
    code = "IDEMPOTENCY_KEY_REUSED"
    status = 422
    title_zh = "Idempotency-Key 已用于另一个请求"
    title_en = "This Idempotency-Key belongs to another request"
