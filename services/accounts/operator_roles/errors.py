from services.accounts.sentences import operator_refusals
from shared.errors import Conflict


class OwnRoles(Conflict):
    """Nobody proposes or decides about their own roles."""

    code = "OWN_ROLES"
    says = operator_refusals.OWN_ROLES


class RoleUnchanged(Conflict):
    code = "ROLE_UNCHANGED"
    says = operator_refusals.ROLE_UNCHANGED


class RoleGiversNeeded(Conflict):
    code = "ROLE_GIVERS_NEEDED"
    says = operator_refusals.ROLE_GIVERS_NEEDED
