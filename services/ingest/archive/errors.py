"""Refusals of the archive."""

from services.ingest.sentences import refusals
from shared.errors import NotFound


class EventNotFound(NotFound):
    code = "EVENT_NOT_FOUND"
    says = refusals.EVENT_NOT_FOUND


class ReceiptNotFound(NotFound):
    code = "RECEIPT_NOT_FOUND"
    says = refusals.RECEIPT_NOT_FOUND
