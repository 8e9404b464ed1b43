from datetime import datetime
from typing import ClassVar

from services.accounts.sentences import enterprise_refusals as refusals
from shared.errors import Conflict, NotFound


class TermsNotFound(NotFound):
    code = "TERMS_NOT_FOUND"
    says = refusals.TERMS_NOT_FOUND


class TermsExist(Conflict):
    code = "TERMS_EXIST"
    says = refusals.TERMS_EXIST


class TermsOutdated(Conflict):
    """Also for terms with another hash: the citizen saw another text. Extension `current_version`."""

    code = "TERMS_OUTDATED"
    members: ClassVar = {"current_version": str}
    says = refusals.TERMS_OUTDATED


class NotAPlatform(Conflict):
    code = "NOT_A_PLATFORM"
    says = refusals.NOT_A_PLATFORM


class MakerMayNotCheck(Conflict):
    code = "MAKER_MAY_NOT_CHECK"
    says = refusals.MAKER_MAY_NOT_CHECK


class NoticeTooShort(Conflict):
    """Extension `earliest` (RFC 3339)."""

    code = "NOTICE_TOO_SHORT"
    members: ClassVar = {"earliest": datetime}
    says = refusals.NOTICE_TOO_SHORT


class MandateExists(Conflict):
    code = "MANDATE_EXISTS"
    says = refusals.MANDATE_EXISTS


class MandateNotFound(NotFound):
    """Also for a mandate of another person."""

    code = "MANDATE_NOT_FOUND"
    says = refusals.MANDATE_NOT_FOUND
