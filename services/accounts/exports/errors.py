from services.accounts.sentences import leaving
from shared.errors import NotFound, Unavailable


class ExportNotFound(NotFound):
    """Also for another person's export, and for an archive that has expired."""

    code = "EXPORT_NOT_FOUND"
    says = leaving.EXPORT_NOT_FOUND


class ExportFailed(Unavailable):
    code = "EXPORT_FAILED"
    says = leaving.EXPORT_FAILED
