from typing import Any, ClassVar

from services.accounts.sentences import enterprise_refusals as refusals
from shared.errors import Conflict


class EnterpriseNotEmpty(Conflict):
    """Extension `left`: what is left, and how much of it."""

    code = "ENTERPRISE_NOT_EMPTY"
    members: ClassVar[dict[str, Any]] = {"left": dict[str, int]}
    says = refusals.ENTERPRISE_NOT_EMPTY


class DocumentMissing(Conflict):
    code = "DOCUMENT_MISSING"
    says = refusals.DOCUMENT_MISSING


class ApplicationChanged(Conflict):
    code = "APPLICATION_CHANGED"
    says = refusals.APPLICATION_CHANGED
