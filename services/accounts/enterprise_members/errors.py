from services.accounts.sentences import enterprise_refusals as refusals
from shared.errors import Conflict, NotFound


class MemberAccountNotFound(NotFound):
    """Also for the number of a household or an enterprise."""

    code = "MEMBER_ACCOUNT_NOT_FOUND"
    says = refusals.MEMBER_ACCOUNT_NOT_FOUND


class MemberNotFound(NotFound):
    code = "MEMBER_NOT_FOUND"
    says = refusals.MEMBER_NOT_FOUND


class MembersFull(Conflict):
    code = "MEMBERS_FULL"
    says = refusals.MEMBERS_FULL


class EnterprisesFull(Conflict):
    code = "ENTERPRISES_FULL"
    says = refusals.ENTERPRISES_FULL


class AdminRemains(Conflict):
    code = "ADMIN_REMAINS"
    says = refusals.ADMIN_REMAINS


class LastAdmin(Conflict):
    code = "LAST_ADMIN"
    says = refusals.LAST_ADMIN
