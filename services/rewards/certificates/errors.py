"""Errors of the public check of a certificate."""

from services.rewards.sentences import refusals
from shared.errors import InvalidRequest, NotFound


class CertificateNoMistyped(InvalidRequest):
    code = "CERTIFICATE_NO_MISTYPED"
    says = refusals.CERTIFICATE_NO_MISTYPED


class CertificateNotFound(NotFound):
    code = "CERTIFICATE_NOT_FOUND"
    says = refusals.CERTIFICATE_NOT_FOUND
