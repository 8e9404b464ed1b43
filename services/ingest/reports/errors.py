"""Refusals of reports."""

from services.ingest.sentences import refusals
from shared.errors import InvalidRequest


class DayNotOver(InvalidRequest):
    code = "DAY_NOT_OVER"
    says = refusals.DAY_NOT_OVER
