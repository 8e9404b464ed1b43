from services.accounts.sentences import refusals
from shared.errors import Conflict


class ConsentRequired(Conflict):
    code = "CONSENT_REQUIRED"
    says = refusals.CONSENT_REQUIRED
