from services.accounts.sentences import guardian_refusals as refusals
from shared.errors import Conflict, Forbidden, NotFound


class GuardianRequired(Forbidden):
    code = "GUARDIAN_REQUIRED"
    says = refusals.GUARDIAN_REQUIRED


class GuardianCodeInvalid(NotFound):
    """One answer for unknown, expired and used, so that guessing reveals nothing."""

    code = "GUARDIAN_CODE_INVALID"
    says = refusals.GUARDIAN_CODE_INVALID


class GuardianUnsuitable(Conflict):
    """For the child itself, and for everybody under 14."""

    code = "GUARDIAN_UNSUITABLE"
    says = refusals.GUARDIAN_UNSUITABLE


class GuardianAlready(Conflict):
    code = "GUARDIAN_ALREADY"
    says = refusals.GUARDIAN_ALREADY


class GuardianNotNeeded(Conflict):
    code = "GUARDIAN_NOT_NEEDED"
    says = refusals.GUARDIAN_NOT_NEEDED


class AgeNotDeclared(NotFound):
    """Also for somebody who has turned 14, and for unknown ids."""

    code = "AGE_NOT_DECLARED"
    says = refusals.AGE_NOT_DECLARED


class WardNotFound(NotFound):
    """Also for a ward of other people, so that nobody learns who is a child."""

    code = "WARD_NOT_FOUND"
    says = refusals.WARD_NOT_FOUND


class WardLimitReached(Conflict):
    code = "WARD_LIMIT_REACHED"
    says = refusals.WARD_LIMIT_REACHED
