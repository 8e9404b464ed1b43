"""Errors of certificates."""

from services.rewards.sentences import certificates, refusals
from shared.errors import Conflict, InvalidRequest, NotFound


class CertificateNoMistyped(InvalidRequest):
    code = "CERTIFICATE_NO_MISTYPED"
    says = refusals.CERTIFICATE_NO_MISTYPED


class CertificateNotFound(NotFound):
    code = "CERTIFICATE_NOT_FOUND"
    says = refusals.CERTIFICATE_NOT_FOUND


class CertificateFileGone(NotFound):
    code = "CERTIFICATE_FILE_GONE"
    says = certificates.CERTIFICATE_FILE_GONE


class CertificateAlreadyRevoked(Conflict):
    code = "CERTIFICATE_ALREADY_REVOKED"
    says = certificates.CERTIFICATE_ALREADY_REVOKED


class SurnameUnknown(InvalidRequest):
    code = "SURNAME_UNKNOWN"
    says = certificates.SURNAME_UNKNOWN
