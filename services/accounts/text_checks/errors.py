"""Refusals of texts."""

from services.accounts.sentences import refusals
from shared.errors import Conflict, InvalidRequest, NotFound


class TextRisky(InvalidRequest):
    code = "TEXT_RISKY"
    says = refusals.TEXT_RISKY


class TextUnderReview(Conflict):
    code = "TEXT_UNDER_REVIEW"
    says = refusals.TEXT_UNDER_REVIEW


class TextCheckNotFound(NotFound):
    code = "TEXT_CHECK_NOT_FOUND"
    says = refusals.TEXT_CHECK_NOT_FOUND
