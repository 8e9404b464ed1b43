"""Errors of documents."""

from services.rewards.sentences import certificates
from shared.errors import Unavailable


class DocumentsBusy(Unavailable):
    code = "DOCUMENTS_BUSY"
    says = certificates.DOCUMENTS_BUSY
