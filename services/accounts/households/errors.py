from datetime import datetime
from typing import ClassVar

from services.accounts.sentences import refusals
from shared.errors import Conflict, NotFound


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


class MeterTaken(Conflict):
    code = "METER_TAKEN"
    says = refusals.METER_TAKEN
