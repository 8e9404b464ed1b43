"""Refusals of a whole request. For single events of a batch see rejections.py."""

from collections.abc import Mapping
from typing import Any

from services.ingest.sentences import refusals
from shared.errors import AppError, FieldError, MalformedBody, PayloadTooLarge, Unavailable, UnsupportedMediaType
from shared.language import Language, Text


class EventRefused(AppError):
    """The one event of a request was rejected. The code is that of the rejection: an SDK looks at the status only."""

    status = 422
    says = refusals.EVENT_REFUSED

    def __init__(self, code: str, field: str | None, message: Text, *, extensions: Mapping[str, Any]) -> None:
        self.code, self._message = code, message
        super().__init__(field_errors=[FieldError(field, code, message)] if field else (), extensions=extensions)

    def detail(self, language: Language) -> str:
        return self._message.pick(language)


class BinaryModeNotSupported(UnsupportedMediaType):
    code = "BINARY_MODE_NOT_SUPPORTED"
    says = refusals.BINARY_MODE_NOT_SUPPORTED


class BatchExpected(MalformedBody):
    code = "BATCH_EXPECTED"
    says = refusals.BATCH_EXPECTED


class SingleEventExpected(MalformedBody):
    code = "SINGLE_EVENT_EXPECTED"
    says = refusals.SINGLE_EVENT_EXPECTED


class BatchTooLarge(PayloadTooLarge):
    code = "BATCH_TOO_LARGE"
    says = refusals.BATCH_TOO_LARGE


class BrokenCompression(MalformedBody):
    code = "BROKEN_COMPRESSION"
    says = refusals.BROKEN_COMPRESSION


class LogUnavailable(Unavailable):
    code = "LOG_UNAVAILABLE"
    says = refusals.LOG_UNAVAILABLE
