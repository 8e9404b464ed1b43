"""Refusals of who acts for an enterprise."""

from services.rewards.sentences import donors
from shared.errors import Conflict, Forbidden, NotFound


class EnterpriseNotFound(NotFound):
    """Also raised for an enterprise of which the caller is not a member."""

    code = "ENTERPRISE_NOT_FOUND"
    says = donors.ENTERPRISE_NOT_FOUND


class EnterpriseRoleRequired(Forbidden):
    code = "ENTERPRISE_ROLE_REQUIRED"
    says = donors.ENTERPRISE_ROLE_REQUIRED


class EnterpriseSuspended(Conflict):
    code = "ENTERPRISE_SUSPENDED"
    says = donors.ENTERPRISE_SUSPENDED


class EnterpriseClosed(Conflict):
    code = "ENTERPRISE_CLOSED"
    says = donors.ENTERPRISE_CLOSED
