from datetime import datetime
from typing import ClassVar

from services.accounts.sentences import family_refusals as refusals
from shared.errors import Conflict, Forbidden, NotFound


class HouseholdNotFound(NotFound):
    """Also for a household of other people, so that nobody learns which households exist."""

    code = "HOUSEHOLD_NOT_FOUND"
    says = refusals.HOUSEHOLD_NOT_FOUND


class AlreadyInHousehold(Conflict):
    code = "ALREADY_IN_HOUSEHOLD"
    says = refusals.ALREADY_IN_HOUSEHOLD


class HouseholdMoveTooSoon(Conflict):
    """Extension `earliest` (RFC 3339)."""

    code = "HOUSEHOLD_MOVE_TOO_SOON"
    members: ClassVar = {"earliest": datetime}
    says = refusals.HOUSEHOLD_MOVE_TOO_SOON


class HouseholdFull(Conflict):
    code = "HOUSEHOLD_FULL"
    says = refusals.HOUSEHOLD_FULL


class InvitationInvalid(NotFound):
    """One answer for unknown, expired, used and withdrawn, so that guessing reveals nothing."""

    code = "INVITATION_INVALID"
    says = refusals.INVITATION_INVALID


class NotOwner(Forbidden):
    """Only the owner of a household renames it, hands it over, or ends the stay of another member."""

    code = "HOUSEHOLD_OWNER_ONLY"
    says = refusals.HOUSEHOLD_OWNER_ONLY


class MemberNotFound(NotFound):
    code = "HOUSEHOLD_MEMBER_NOT_FOUND"
    says = refusals.HOUSEHOLD_MEMBER_NOT_FOUND


class NoHandover(Conflict):
    """Nobody has offered the household to this person, or the offer has expired."""

    code = "HOUSEHOLD_NOT_OFFERED"
    says = refusals.HOUSEHOLD_NOT_OFFERED
