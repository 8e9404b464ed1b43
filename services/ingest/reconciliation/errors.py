"""Refusals of reconciliation."""

from services.ingest.sentences import refusals
from shared.errors import NotFound


class ReportNotFound(NotFound):
    code = "RECONCILIATION_NOT_FOUND"
    says = refusals.RECONCILIATION_NOT_FOUND
