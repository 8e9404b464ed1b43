from typing import ClassVar

from services.accounts.sentences import enterprise_refusals as refusals
from shared.errors import Conflict, Forbidden, InvalidRequest, NotFound


class UsccInvalid(InvalidRequest):
    code = "USCC_INVALID"
    says = refusals.USCC_INVALID


class UsccTaken(Conflict):
    """Also for a code whose application is still open."""

    code = "USCC_TAKEN"
    says = refusals.USCC_TAKEN


class EnterpriseNotFound(NotFound):
    """Also for an enterprise of other people, so that nobody learns which enterprises exist."""

    code = "ENTERPRISE_NOT_FOUND"
    says = refusals.ENTERPRISE_NOT_FOUND


class EnterpriseStateConflict(Conflict):
    """Extension `enterprise_status`: the present one."""

    code = "ENTERPRISE_STATE_CONFLICT"
    members: ClassVar = {"enterprise_status": str}
    says = refusals.ENTERPRISE_STATE_CONFLICT


class EnterpriseSuspended(Conflict):
    code = "ENTERPRISE_SUSPENDED"
    says = refusals.ENTERPRISE_SUSPENDED


class EnterpriseRoleRequired(Forbidden):
    code = "ENTERPRISE_ROLE_REQUIRED"
    says = refusals.ENTERPRISE_ROLE_REQUIRED
