from services.accounts.sentences import enterprise_refusals as refusals
from shared.errors import Conflict, InvalidRequest, NotFound


class DocumentNotFound(NotFound):
    code = "DOCUMENT_NOT_FOUND"
    says = refusals.DOCUMENT_NOT_FOUND


class DocumentTypeInvalid(InvalidRequest):
    code = "DOCUMENT_TYPE_INVALID"
    says = refusals.DOCUMENT_TYPE_INVALID


class DocumentHashMismatch(InvalidRequest):
    code = "DOCUMENT_HASH_MISMATCH"
    says = refusals.DOCUMENT_HASH_MISMATCH


class DocumentsTooLarge(Conflict):
    code = "DOCUMENTS_TOO_LARGE"
    says = refusals.DOCUMENTS_TOO_LARGE
