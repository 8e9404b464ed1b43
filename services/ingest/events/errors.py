"""Refusals of a whole request. For single events of a batch see rejections.py."""

from services.ingest.sentences import refusals
from shared.errors import MalformedBody, PayloadTooLarge, Unavailable, UnsupportedMediaType


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
