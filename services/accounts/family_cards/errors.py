from datetime import datetime
from typing import ClassVar

from services.accounts.sentences import family_refusals as refusals
from shared.errors import Conflict, NotFound


class FamilyCardNotFound(NotFound):
    """One answer for unknown, ended and other people's cards, so that trying numbers or codes reveals nothing."""

    code = "FAMILY_CARD_NOT_FOUND"
    says = refusals.FAMILY_CARD_NOT_FOUND


class FamilyCardLimitReached(Conflict):
    code = "FAMILY_CARD_LIMIT_REACHED"
    says = refusals.FAMILY_CARD_LIMIT_REACHED


class FamilyCardRenewedLately(Conflict):
    """Extension `earliest` (RFC 3339): a window replaced the code, so it gives the account to nobody until then."""

    code = "FAMILY_CARD_RENEWED_LATELY"
    members: ClassVar = {"earliest": datetime}
    says = refusals.FAMILY_CARD_RENEWED_LATELY


class FamilyCardCodeInvalid(NotFound):
    """One answer for unknown, expired, used and replaced codes."""

    code = "FAMILY_CARD_CODE_INVALID"
    says = refusals.FAMILY_CARD_CODE_INVALID


class OwnAccountOpened(Conflict):
    """The person has an account or a verified phone number of their own, and two accounts cannot become one."""

    code = "OWN_ACCOUNT_OPENED"
    says = refusals.OWN_ACCOUNT_OPENED
