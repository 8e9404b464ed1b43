"""Refusals of the feed."""

from services.ingest.sentences import refusals
from shared.errors import AppError


class OutcomesExpired(AppError):
    code = "OUTCOMES_EXPIRED"
    status = 410
    says = refusals.OUTCOMES_EXPIRED
