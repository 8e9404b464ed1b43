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
from uuid import UUID

from shared import sentences
from shared.language import Language, Sentence, Text
from shared.wording import fill


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of one field. `field` is a dotted path; `code` is stable; `message` is shown beside the field."""

    field: str
    code: str
    message: Text


class InvalidValue(ValueError):
    """A validator's refusal with a sentence. A plain ValueError is answered with a general one."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class AppError(Exception):
    """Base of all errors that a service answers.

    `says` is a sentence of the service's catalogue; the keyword arguments of the constructor fill it, as
    `shared.wording` writes times, lists and texts. `extensions` become members of the problem document.
    """

    code: str = "INTERNAL_ERROR"  # of the class, except where one class stands for many codes
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    codes: ClassVar[tuple[str, ...]] = ()  # of a class that stands for many
    members: ClassVar[Mapping[str, Any]] = {}  # types, or JSON Schemas, of what `extensions` may hold
    says: ClassVar[Sentence] = sentences.INTERNAL_ERROR

    def __init_subclass__(cls) -> None:
        """Raises TypeError for a code that has no sentence of its own."""
        super().__init_subclass__()
        if "code" in cls.__dict__ and "says" not in cls.__dict__:
            raise TypeError(f"{cls.__name__} has a code and no sentence: set `says` to one of the catalogue")

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
        super().__init__(self.code)

    def __str__(self) -> str:
        return f"{self.code}: {self.detail('en')}"

    def title(self, language: Language) -> str:
        return fill(self.says.title, language, self.params)

    def detail(self, language: Language) -> str:
        return fill(self.says.detail, language, self.params)


class InternalError(AppError):
    says = sentences.INTERNAL_ERROR


class InvalidRequest(AppError):
    code = "INVALID_REQUEST"
    status = 422
    says = sentences.INVALID_REQUEST


class MalformedBody(AppError):
    code = "MALFORMED_BODY"
    status = 400
    says = sentences.MALFORMED_BODY


class DuplicateKey(MalformedBody):
    code = "DUPLICATE_KEY"
    says = sentences.DUPLICATE_KEY


class UnsupportedMediaType(AppError):
    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415
    says = sentences.UNSUPPORTED_MEDIA_TYPE


class Unauthenticated(AppError):
    code = "UNAUTHENTICATED"
    status = 401
    says = sentences.UNAUTHENTICATED


class Forbidden(AppError):
    code = "FORBIDDEN"
    status = 403
    says = sentences.FORBIDDEN

    def __init__(self, *, scope: str = "", **more: Any) -> None:
        """`scope`: the one that the credential lacks. It is told in the header of RFC 6750."""
        header = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'} if scope else {}
        super().__init__(**{"headers": header, **more})


class NotFound(AppError):
    code = "NOT_FOUND"
    status = 404
    says = sentences.NOT_FOUND


class MethodNotAllowed(AppError):
    code = "METHOD_NOT_ALLOWED"
    status = 405
    says = sentences.METHOD_NOT_ALLOWED


class Conflict(AppError):
    code = "CONFLICT"
    status = 409
    says = sentences.CONFLICT


class PayloadTooLarge(AppError):
    code = "PAYLOAD_TOO_LARGE"
    status = 413
    says = sentences.PAYLOAD_TOO_LARGE


class TooManyRequests(AppError):
    code = "TOO_MANY_REQUESTS"
    status = 429
    retryable = True
    says = sentences.TOO_MANY_REQUESTS


class Unavailable(AppError):
    code = "UNAVAILABLE"
    status = 503
    retryable = True
    says = sentences.UNAVAILABLE


class IdempotencyKeyMissing(AppError):
    code = "IDEMPOTENCY_KEY_MISSING"
    status = 400
    says = sentences.IDEMPOTENCY_KEY_MISSING


class IdempotencyKeyInProgress(AppError):
    """The id of what is in progress is a member, where it is known."""

    code = "IDEMPOTENCY_KEY_IN_PROGRESS"
    members: ClassVar[Mapping[str, Any]] = {"order_id": UUID, "donation_id": UUID}
    status = 409
    retryable = True
    says = sentences.IDEMPOTENCY_KEY_IN_PROGRESS


class IdempotencyKeyReused(AppError):
    code = "IDEMPOTENCY_KEY_REUSED"
    status = 422
    says = sentences.IDEMPOTENCY_KEY_REUSED
